"""Adapters that touch hardware or sockets. Each fills one port."""
