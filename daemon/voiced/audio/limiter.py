"""A soft limiter: keeps loud sound within 16 bits without the crackle of clipping."""

import numpy as np
from numpy.typing import NDArray

FULL_SCALE = 32767.0
KNEE = 0.7 * FULL_SCALE


def soft_limit(samples: NDArray[np.float32]) -> bytes:
    """Return `samples` (n_frames, scaled as int16 but of any size) as int16 LE.

    Samples below the knee, -3 dBFS, stay as they are; louder ones are compressed to stay below full scale.
    """
    loud = np.abs(samples)
    if loud.size and float(loud.max()) > KNEE:
        room = FULL_SCALE - KNEE
        bent = KNEE + room * np.tanh((loud - KNEE) / room)
        samples = np.where(loud > KNEE, np.copysign(bent, samples), samples)
    return np.rint(samples).astype("<i2").tobytes()
