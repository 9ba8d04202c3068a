"""Buttons and lights on GPIO pins."""
