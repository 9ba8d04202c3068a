"""G.711: one byte per sample, mu-law or A-law. Table-driven and bit-exact."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from voiced.core.pcm import Encoding

SILENCE = {Encoding.S16LE: b"\x00\x00", Encoding.MULAW: b"\xff", Encoding.ALAW: b"\xd5"}
"""One sample of silence in every encoding."""

MULAW_BIAS = 33  # of 14 bits
MULAW_TOP = 0x1FFF  # end of the loudest segment


def encode(pcm: bytes, encoding: Encoding) -> bytes:
    """Return `pcm` (n_frames, int16 LE) in `encoding`."""
    if encoding is Encoding.S16LE:
        return pcm
    return _encode_table(encoding).take(np.frombuffer(pcm, "<u2")).tobytes()


def decode(payload: bytes, encoding: Encoding) -> bytes:
    """Return `payload`, written in `encoding`, as PCM (n_frames, int16 LE)."""
    if encoding is Encoding.S16LE:
        return payload
    return _decode_table(encoding).take(np.frombuffer(payload, np.uint8)).tobytes()


@lru_cache
def _encode_table(encoding: Encoding) -> NDArray[np.uint8]:
    """Return the code of every sample, indexed by the sample as an unsigned 16-bit number."""
    samples = np.arange(65536).astype(np.uint16).view(np.int16).astype(np.int32)
    codes = _mulaw(samples) if encoding is Encoding.MULAW else _alaw(samples)
    return codes.astype(np.uint8)


def _mulaw(samples: NDArray[np.int32]) -> NDArray[np.int32]:
    # On 14 bits: the textbook version on 16 bits (bias 0x84) differs in 381 of 65,536 codes.
    magnitude: NDArray[np.int32] = np.minimum(np.abs(samples >> 2) + MULAW_BIAS, MULAW_TOP)
    segment = _bit_length(magnitude) - 6
    code = (segment << 4) | ((magnitude >> (segment + 1)) & 0xF)
    signed: NDArray[np.int32] = code ^ np.where(samples < 0, np.int32(0x7F), np.int32(0xFF))
    return signed


def _alaw(samples: NDArray[np.int32]) -> NDArray[np.int32]:
    shifted = samples >> 3
    magnitude = np.where(shifted < 0, ~shifted, shifted)
    segment = np.maximum(_bit_length(magnitude) - 5, 0)
    code = (segment << 4) | ((magnitude >> np.maximum(segment, 1)) & 0xF)
    # A-law inverts the even bits of every code.
    signed: NDArray[np.int32] = code ^ np.where(samples < 0, np.int32(0x55), np.int32(0xD5))
    return signed


def _bit_length(magnitude: NDArray[np.int32]) -> NDArray[np.int32]:
    exponent: NDArray[np.int32] = np.frexp(magnitude)[1]
    return exponent


@lru_cache
def _decode_table(encoding: Encoding) -> NDArray[np.int16]:
    codes = np.arange(256, dtype=np.int32)
    codes ^= 0xFF if encoding is Encoding.MULAW else 0xD5
    segment, step = (codes >> 4) & 7, codes & 0xF
    if encoding is Encoding.MULAW:
        magnitude = (((2 * step + MULAW_BIAS) << segment) - MULAW_BIAS) << 2
    else:
        middle = 2 * step + np.where(segment == 0, 1, 33)
        magnitude = middle << (np.maximum(segment, 1) - 1) << 3
    return np.where(codes & 0x80, -magnitude, magnitude).astype("<i2")
