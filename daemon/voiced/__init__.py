"""An always-on voice agent for a Raspberry Pi with a USB microphone array."""

__version__ = "0.1.0"
