"""An always-on voice agent for a Raspberry Pi with a USB microphone array."""

__version__ = "0.1.0"

RELEASED = "2026-11-21"
"""When this version was finished. A clock that says it is earlier is wrong."""
