"""Overruns and underruns: log each burst once, and compute from the clock how much sound was lost."""

import logging

log = logging.getLogger(__name__)

QUIET_S = 10.0
"""A burst is over after this long without an xrun."""

_DRIFT = 1e-3
"""The clock drift of a device that is followed: ten times that of the worst crystal."""


class BurstLog:
    """Warns at the first xrun of a burst, and logs their number when it is over."""

    def __init__(self, device: str, kind: str) -> None:
        self._device = device
        self._kind = kind
        self._count = 0
        self._last_s = 0.0

    def note(self, now_s: float) -> None:
        """Count one xrun."""
        if self._count == 0:
            log.warning("%s: %s", self._device, self._kind)
        self._count += 1
        self._last_s = now_s

    def settle(self, now_s: float) -> None:
        """Log a burst that is over. Cheap enough to call for every period."""
        if self._count and now_s - self._last_s >= QUIET_S:
            log.info("%s: %d %ss in that burst", self._device, self._count, self._kind)
            self._count = 0


class LostTime:
    """Computes how many periods an overrun lost.

    The lag of a capture stream, elapsed time minus sound received, is constant except for jitter, which only adds
    to it. The growth of the smallest lag over an overrun is the sound that was lost.
    """

    def __init__(self, period_s: float) -> None:
        self._period_s = period_s
        self._periods = 0
        self._least_lag_s: float | None = None

    def received(self, now_s: float) -> None:
        """Count a period that arrived in order."""
        lag_s = self._lag_s(now_s)
        if self._least_lag_s is None:
            self._least_lag_s = lag_s
        self._least_lag_s = min(lag_s, self._least_lag_s + self._period_s * _DRIFT)
        self._periods += 1

    def lost(self, now_s: float) -> int:
        """Return how many periods are missing just before one that arrives now, and count them."""
        if self._least_lag_s is None:
            return 0
        lost = max(0, round((self._lag_s(now_s) - self._least_lag_s) / self._period_s))
        self._periods += lost
        return lost

    def _lag_s(self, now_s: float) -> float:
        return now_s - self._periods * self._period_s
