"""The encodings of sound on the wire."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from agentsim.sound import Samples, g711


@dataclass(frozen=True, slots=True)
class Encoding:
    """How samples are sent in one direction.

    Attributes:
        name: As in the protocol.
        rate_hz: Frames per second.
        bytes_per_frame: 2 for PCM, 1 for G.711.
        chunk_bytes: What the live service sends at a time.
        silence: One frame of silence.
    """

    name: str
    rate_hz: int
    bytes_per_frame: int
    chunk_bytes: int
    silence: bytes
    encode: Callable[[Samples], bytes]
    decode: Callable[[bytes], Samples]

    def seconds(self, n_bytes: int) -> float:
        """Return how long `n_bytes` last."""
        return n_bytes / (self.rate_hz * self.bytes_per_frame)

    def bytes_in(self, seconds: float) -> int:
        """Return how many bytes `seconds` need, in whole frames."""
        return round(seconds * self.rate_hz) * self.bytes_per_frame


def _encode_pcm(samples: Samples) -> bytes:
    return samples.astype("<i2").tobytes()


def _decode_pcm(payload: bytes) -> Samples:
    return np.frombuffer(payload, "<i2").astype(np.int16)


# Chunks as measured on the live service: 10 ms of PCM, 37.5 ms of mu-law.
PCM = Encoding("audio/pcm", 24_000, 2, 480, b"\x00\x00", _encode_pcm, _decode_pcm)
PCMU = Encoding("audio/pcmu", 8_000, 1, 300, b"\xff", g711.encode_mu_law, g711.decode_mu_law)
PCMA = Encoding("audio/pcma", 8_000, 1, 300, b"\xd5", g711.encode_a_law, g711.decode_a_law)

ENCODINGS = {encoding.name: encoding for encoding in (PCM, PCMU, PCMA)}
