"""One channel out of many, and one into all: samples are copied, never mixed."""

from array import array


def one_channel(sound: bytes, channel: int, channels: int) -> bytes:
    """Return one channel of n_frames x channels, int16."""
    if channels == 1:
        return sound
    return array("h", sound)[channel::channels].tobytes()


def to_all_channels(mono: bytes, channels: int) -> bytes:
    """Return n_frames x channels, int16, every channel the same."""
    if channels == 1:
        return mono
    samples = array("h", mono)
    sound = array("h", bytes(len(mono) * channels))
    for channel in range(channels):
        sound[channel::channels] = samples
    return sound.tobytes()
