"""The sample encodings of sound cards, and exact conversion from and to 16 bits.

From a wider sample the 16 most significant bits are taken, as a 16-bit card would deliver them; a narrower one is
shifted up. Nothing is rounded, dithered or mixed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

FLIP_SIGN = bytes(byte ^ 0x80 for byte in range(256))
EXTEND_SIGN = bytes(0xFF if byte & 0x80 else 0 for byte in range(256))


@dataclass(frozen=True, slots=True)
class CardEncoding:
    """One sample encoding, little-endian.

    Attributes:
        name: ALSA's name of it.
        n_bytes: Bytes per sample.
        high: Index of the byte with the 8 most significant bits.
        low: Index of the byte with the next 8 bits; None if there are no more.
        sign: Index of the byte that repeats the sign; None if there is none.
        is_unsigned: Silence is in the middle of the range.
    """

    name: str
    n_bytes: int
    high: int
    low: int | None = None
    sign: int | None = None
    is_unsigned: bool = False

    def take(self, sound: bytes, channel: int, channels: int) -> bytes:
        """Return one channel of n_frames x channels in this encoding as int16 LE."""
        step, first = self.n_bytes * channels, self.n_bytes * channel
        high = sound[first + self.high :: step]
        taken = bytearray(2 * len(high))
        taken[1::2] = high.translate(FLIP_SIGN) if self.is_unsigned else high
        if self.low is not None:
            taken[0::2] = sound[first + self.low :: step]
        return bytes(taken)

    def spread(self, mono: bytes, channels: int) -> bytes:
        """Return int16 LE as n_frames x channels in this encoding, every channel the same."""
        step = self.n_bytes * channels
        low, high = mono[0::2], mono[1::2]
        sound = bytearray(len(high) * step)
        for first in range(0, step, self.n_bytes):
            sound[first + self.high :: step] = (
                high.translate(FLIP_SIGN) if self.is_unsigned else high
            )
            if self.low is not None:
                sound[first + self.low :: step] = low
            if self.sign is not None:
                sound[first + self.sign :: step] = high.translate(EXTEND_SIGN)
        return bytes(sound)


S16 = CardEncoding("S16_LE", 2, high=1, low=0)

ENCODINGS: Mapping[str, CardEncoding] = {
    encoding.name: encoding
    for encoding in (
        S16,
        CardEncoding("S24_3LE", 3, high=2, low=1),
        CardEncoding("S24_LE", 4, high=2, low=1, sign=3),
        CardEncoding("S32_LE", 4, high=3, low=2),
        CardEncoding("U8", 1, high=0, is_unsigned=True),
        CardEncoding("S8", 1, high=0),
    )
}
"""The supported encodings by ALSA name, best first."""
