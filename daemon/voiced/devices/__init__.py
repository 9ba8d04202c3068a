"""Adapters that touch hardware or sockets. Each implements one port."""
