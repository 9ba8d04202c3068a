"""Keeps sound that is too loud within 16 bits, without the crackle of clipping."""

import numpy as np
from numpy.typing import NDArray

FULL_SCALE = 32767.0
KNEE = 0.7 * FULL_SCALE


def soft_limit(samples: NDArray[np.float32]) -> bytes:
    """Return `samples` (in steps of 16 bits, of any size) as n_frames, int16 LE.

    What is below the knee, -3 dBFS, stays as it is; the rest is bent to stay below full scale.
    """
    loud = np.abs(samples)
    if loud.size and float(loud.max()) > KNEE:
        room = FULL_SCALE - KNEE
        bent = KNEE + room * np.tanh((loud - KNEE) / room)
        samples = np.where(loud > KNEE, np.copysign(bent, samples), samples)
    return np.rint(samples).astype("<i2").tobytes()
