"""Agent protocols by the name used in the configuration. Sans-I/O: no sockets, clocks or tasks."""

AGENTS = {
    "assemblyai": "voiced.agents.assemblyai:AssemblyAi",
    "workbuddy": "voiced.agents.workbuddy:WorkBuddy",
}
