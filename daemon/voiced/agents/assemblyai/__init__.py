"""The AssemblyAI Voice Agent API, client side."""
