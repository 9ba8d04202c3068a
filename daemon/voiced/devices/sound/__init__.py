"""Microphones and speakers: ALSA, sound cards and their quirks, WAV files."""
