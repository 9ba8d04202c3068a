"""PCM and wire formats, and conversion between bytes, frames and time."""

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class PcmFormat:
    """Interleaved signed 16-bit little-endian PCM.

    Attributes:
        rate_hz: Frames per second.
        channels: Samples per frame.
    """

    rate_hz: int
    channels: int = 1

    @property
    def frame_bytes(self) -> int:
        """Size of one frame, in bytes."""
        return 2 * self.channels

    def bytes_in(self, duration_ms: float) -> int:
        """Return how many bytes hold `duration_ms`, rounded down to whole frames."""
        return int(self.rate_hz * duration_ms / 1000) * self.frame_bytes

    def duration_ms(self, n_bytes: int) -> float:
        """Return how long `n_bytes` last, in milliseconds."""
        return n_bytes * 500 / (self.channels * self.rate_hz)  # 1000 ms, 2 bytes a sample


class Encoding(Enum):
    """How one sample is encoded on the wire."""

    S16LE = "s16le"
    MULAW = "mulaw"
    ALAW = "alaw"


@dataclass(frozen=True, slots=True)
class WireFormat:
    """Mono sound as an agent protocol sends or expects it.

    Attributes:
        rate_hz: Samples per second.
        encoding: How each sample is written.
    """

    rate_hz: int
    encoding: Encoding = Encoding.S16LE
