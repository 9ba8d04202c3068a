"""Over- and underruns: told once per burst, and the sound they swallowed reckoned by the clock."""

import logging

log = logging.getLogger(__name__)

QUIET_S = 10.0
"""A burst is over when this long passed without an xrun."""

_FOLLOW = 1e-3
"""How fast the reckoning follows a device slower than our clock: ten times the worst quartz."""


class BurstLog:
    """Warns at the first xrun of a burst and sums up when it is over."""

    def __init__(self, device: str, kind: str) -> None:
        self._device = device
        self._kind = kind
        self._count = 0
        self._last_s = 0.0

    def note(self, now_s: float) -> None:
        """Take note of one xrun."""
        if self._count == 0:
            log.warning("%s: %s", self._device, self._kind)
        self._count += 1
        self._last_s = now_s

    def settle(self, now_s: float) -> None:
        """Sum up a burst that is over. Cheap enough for every period."""
        if self._count and now_s - self._last_s >= QUIET_S:
            log.info("%s: %d %ss in that burst", self._device, self._count, self._kind)
            self._count = 0


class LostTime:
    """Tells how many periods an overrun swallowed.

    The lag of a capture stream, time passed less sound received, is steady but for jitter, which
    only ever adds to it. What the least lag grew by over an overrun is the sound that was lost.
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
        self._least_lag_s = min(lag_s, self._least_lag_s + self._period_s * _FOLLOW)
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
