"""Connections to agents, brokers and web services, and how they fail."""
