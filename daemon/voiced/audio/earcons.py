"""Earcons: short local sounds with a meaning, made of pure tones.

Rising notes mean a start, falling notes an end, low repeated notes a fault, high repeated notes an alarm.
"""

import functools

import numpy as np
from numpy.typing import NDArray

from voiced.core.earcons import Earcon

LEVEL = 0.25  # -12 dBFS
FADE_S = 0.02

_NOTES: dict[Earcon, tuple[tuple[float, float], ...]] = {
    # Hz (0 is a rest), seconds
    Earcon.WAKE: ((587.0, 0.07), (880.0, 0.09)),
    Earcon.END: ((784.0, 0.08), (523.0, 0.12)),
    Earcon.MUTED: ((494.0, 0.08), (0.0, 0.03), (392.0, 0.12)),
    Earcon.UNMUTED: ((392.0, 0.08), (0.0, 0.03), (494.0, 0.12)),
    Earcon.OFFLINE: ((660.0, 0.16), (0.0, 0.04), (440.0, 0.24)),
    Earcon.ONLINE: ((440.0, 0.14), (0.0, 0.04), (698.0, 0.2)),
    Earcon.ERROR: ((330.0, 0.12), (0.0, 0.06), (330.0, 0.12), (0.0, 0.06), (330.0, 0.12)),
    Earcon.VOLUME: ((988.0, 0.06),),
    Earcon.ALARM: ((880.0, 0.1), (0.0, 0.05), (880.0, 0.1), (0.0, 0.05), (880.0, 0.1)),
}


@functools.lru_cache(maxsize=len(Earcon))  # a speaker has one rate at a time
def earcon(which: Earcon, rate_hz: int) -> bytes:
    """Return the sound of `which`: n_frames, mono int16 LE."""
    return b"".join(_note(hz, duration_s, rate_hz) for hz, duration_s in _NOTES[which])


def _note(hz: float, duration_s: float, rate_hz: int) -> bytes:
    seconds = np.arange(round(duration_s * rate_hz)) / rate_hz
    fade = np.minimum(np.minimum(seconds, duration_s - seconds) / FADE_S, 1.0)
    envelope = 0.5 - 0.5 * np.cos(np.pi * fade)
    sound: NDArray[np.float64] = LEVEL * 32767 * envelope * np.sin(2 * np.pi * hz * seconds)
    return sound.astype("<i2").tobytes()
