"""A stand-in for the AssemblyAI Voice Agent service."""
