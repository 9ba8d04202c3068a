"""Sound in memory: samples are mono int16 arrays, payloads are bytes as sent."""

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]

SPEECH_HZ = 24_000
"""The rate voices speak at and replies are kept at."""

HEARING_HZ = 16_000
"""The rate the stand-in listens at."""

NO_SOUND: Samples = np.zeros(0, np.int16)
