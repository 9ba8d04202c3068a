"""When to try again what failed: later each time, and never in step with other devices. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

MOST_DOUBLINGS = 20

FIRST_S = 5.0
"""The longest wait for a server's settings, of a device that has nothing to go on with yet."""

SPREAD = 0.2
RETRY_S = 5.0

Uniform = Callable[[float, float], float]
"""Returns a random number between two."""


def doubled(first_s: float, times: int, most_s: float) -> float:
    """Return a wait that was doubled so many times, up to a ceiling."""
    return min(first_s * 2.0 ** min(times, MOST_DOUBLINGS), most_s)


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before something far away is tried again.

    Attributes:
        first_s: After the first failure; doubled by every further one.
        most_s: What it stays at.
        steady_s: How long a connection must last for the waits to begin anew.
    """

    first_s: float = 1.0
    most_s: float = 60.0
    steady_s: float = 30.0

    def pause_s(self, failures: int, uniform: Uniform) -> float:
        """Return a random wait after so many failures before this one."""
        longest_s = doubled(self.first_s, failures, self.most_s)
        return uniform(longest_s / 2.0, longest_s)


AFTER_REFUSAL = Backoff(first_s=120.0, most_s=900.0)
"""After somebody refused our credentials: some ban an address after five tries."""


def first_wait_s(interval_s: float, *, has_settings: bool, uniform: Uniform) -> float:
    """Return how long to wait after the start: devices that get power together ask one by one."""
    return uniform(0.0, interval_s if has_settings else min(FIRST_S, interval_s))


def next_wait_s(interval_s: float, failures: int, uniform: Uniform) -> float:
    """Return how long to wait after a server's answer, or after so many failures to get one."""
    if failures == 0:
        return interval_s * uniform(1.0 - SPREAD, 1.0 + SPREAD)
    return Backoff(RETRY_S, interval_s).pause_s(failures - 1, uniform)
