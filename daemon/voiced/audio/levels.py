"""Sound levels."""

from math import log10

import numpy as np

FLOOR_DBFS = -96.0  # below the smallest step of 16 bits
FULL_SCALE = 32768
AUDIBLE = 32
"""Samples above it (-60 dBFS) are sound; below it is digital silence or codec noise."""


def is_audible(pcm: bytes) -> bool:
    """Tell whether anything in `pcm` (n_frames, int16 LE) can be heard."""
    samples = np.frombuffer(pcm, "<i2")
    return bool(samples.size) and max(int(samples.max()), -int(samples.min())) > AUDIBLE


def rms_dbfs(pcm: bytes) -> float:
    """Return the mean level of `pcm` (n_frames, int16 LE); a full-scale sine has -3 dBFS."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float32)
    power = float(np.dot(samples, samples)) / samples.size if samples.size else 0.0
    return max(FLOOR_DBFS, 10 * log10(power / FULL_SCALE**2)) if power else FLOOR_DBFS
