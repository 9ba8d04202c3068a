"""The AssemblyAI Voice Agent API, client side. Sans-I/O: no sockets, clocks or tasks."""

from voiced.agents.assemblyai.agent import AssemblyAi

__all__ = ["AssemblyAi"]
