"""Sound that was heard, and when: on the virtual speaker, or in the file of a `wav:` speaker."""

import wave
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tests.devices.rig import Recording

AUDIBLE = 200
"""Samples louder than this are sound; the stand-in's tone has 2,700 at the default volume."""


@dataclass(frozen=True, slots=True)
class Track:
    """Mono sound on the clock of `time.monotonic`.

    Attributes:
        began_s: When its first sample was heard.
    """

    samples: NDArray[np.int16]
    rate_hz: int
    began_s: float

    @classmethod
    def of_recording(cls, recording: Recording) -> Self:
        """Return what the virtual speaker's monitor heard."""
        samples = np.array(recording.samples, np.int16)
        return cls(samples, recording.rate_hz, recording.time_s(0))

    @classmethod
    def of_file(cls, device: str, began_s: float) -> Self:
        """Return what a `wav:` speaker played."""
        with wave.open(device.removeprefix("wav:"), "rb") as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
            return cls(samples, file.getframerate(), began_s)

    def audible_s(self, from_s: float, to_s: float) -> tuple[float, float] | None:
        """Return when sound was first and last heard in that time; None if there was none."""
        start, end = (max(0, round((at - self.began_s) * self.rate_hz)) for at in (from_s, to_s))
        loud = np.flatnonzero(np.abs(self.samples[start:end].astype(np.int32)) > AUDIBLE)
        if not loud.size:
            return None
        first, last = (self.began_s + (start + int(loud[at])) / self.rate_hz for at in (0, -1))
        return first, last
