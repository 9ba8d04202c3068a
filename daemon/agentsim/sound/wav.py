"""WAV files in memory: reads PCM and mu-law, writes mu-law."""

import struct

import numpy as np

from agentsim.sound import Samples
from agentsim.sound.g711 import decode_mu_law, encode_mu_law

FORMAT_PCM, FORMAT_MU_LAW = 1, 7


def read_wav(content: bytes) -> tuple[Samples, int]:
    """Return the samples (first channel) and the rate of a WAV file.

    The data chunk may be cut short or of unknown length, as when a program writes to a pipe.

    Raises:
        ValueError: If it is not 16-bit PCM or mu-law WAV.
    """
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise ValueError("not a WAV file")
    position, form = 12, None
    while position + 8 <= len(content):
        name, size = (
            content[position : position + 4],
            int.from_bytes(content[position + 4 : position + 8], "little"),
        )
        body = content[position + 8 : position + 8 + size]
        if name == b"fmt ":
            form = struct.unpack_from("<HHIIHH", body)
        if name == b"data" and form is not None:
            return _samples(body, form), form[2]
        position += 8 + size + size % 2
    raise ValueError("a WAV file without sound")


def mu_law_wav(samples: Samples, rate_hz: int) -> bytes:
    """Return a mono mu-law WAV file."""
    body = encode_mu_law(samples)
    form = struct.pack("<HHIIHH", FORMAT_MU_LAW, 1, rate_hz, rate_hz, 1, 8)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form
    chunks += b"data" + struct.pack("<I", len(body)) + body + b"\x00" * (len(body) % 2)
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WAVE" + chunks


def _samples(body: bytes, form: tuple[int, ...]) -> Samples:
    tag, n_channels, _rate_hz, _byte_rate, _align, n_bits = form
    if tag == FORMAT_MU_LAW:
        return decode_mu_law(body)[::n_channels]
    if tag != FORMAT_PCM or n_bits != 16:  # noqa: PLR2004 - bits
        raise ValueError("not 16-bit PCM or mu-law")
    return np.frombuffer(body[: len(body) // 2 * 2], "<i2").astype(np.int16)[::n_channels]
