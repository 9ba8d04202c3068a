"""The running device: sound through it, one synchronous dispatch for events, and what survives."""
