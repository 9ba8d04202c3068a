"""The running device: pipes for sound, one synchronous dispatch for events, and supervision."""
