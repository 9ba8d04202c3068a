"""Pick one channel out of many, and copy one to all. Samples are never mixed."""

from array import array

from voiced.devices.sound.encodings import S16, CardEncoding


def one_channel(sound: bytes, channel: int, channels: int, encoding: CardEncoding = S16) -> bytes:
    """Return one channel of n_frames x channels in `encoding`, as int16 LE."""
    if encoding is not S16:
        return encoding.take(sound, channel, channels)
    if channels == 1:
        return sound
    return array("h", sound)[channel::channels].tobytes()


def every_channel(sound: bytes, encoding: CardEncoding) -> bytes:
    """Return n_frames x channels in `encoding` as interleaved int16 LE."""
    return one_channel(sound, 0, 1, encoding)


def to_all_channels(mono: bytes, channels: int, encoding: CardEncoding = S16) -> bytes:
    """Return int16 LE as n_frames x channels in `encoding`, every channel the same."""
    if encoding is not S16:
        return encoding.spread(mono, channels)
    if channels == 1:
        return mono
    samples = array("h", mono)
    sound = array("h", bytes(len(mono) * channels))
    for channel in range(channels):
        sound[channel::channels] = samples
    return sound.tobytes()
