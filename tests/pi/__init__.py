"""A whole Raspberry Pi, virtual: its disk, its microphone array, its pins, its network, and what is tested on it."""
