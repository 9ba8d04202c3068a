"""Exponential backoff with jitter, so that devices do not retry in step. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

MOST_DOUBLINGS = 20  # 2.0 ** 1024 would raise OverflowError

FIRST_S = 5.0
"""The longest first wait of a device that has no settings from its server yet."""

SPREAD = 0.2
RETRY_S = 5.0

Uniform = Callable[[float, float], float]
"""Returns a random number between two."""


def doubled(first_s: float, times: int, most_s: float) -> float:
    """Return `first_s` doubled `times` times, at most `most_s`."""
    return min(first_s * 2.0 ** min(times, MOST_DOUBLINGS), most_s)


@dataclass(frozen=True, slots=True)
class Backoff:
    """The waits between attempts to reach something remote.

    Attributes:
        first_s: The longest wait after the first failure; it doubles with every further one.
        most_s: Its limit.
        steady_s: How long a connection must last before the waits start over.
    """

    first_s: float = 1.0
    most_s: float = 60.0
    steady_s: float = 30.0

    def pause_s(self, failures: int, uniform: Uniform) -> float:
        """Return a random wait in seconds, after `failures` failures before this one."""
        longest_s = doubled(self.first_s, failures, self.most_s)
        return uniform(longest_s / 2.0, longest_s)


AFTER_REFUSAL = Backoff(first_s=120.0, most_s=900.0)
"""For refused credentials: some servers ban an address after five attempts."""


def first_wait_s(interval_s: float, *, has_settings: bool, uniform: Uniform) -> float:
    """Return the random wait after the start, so that devices that get power together do not ask at once."""
    return uniform(0.0, interval_s if has_settings else min(FIRST_S, interval_s))


def next_wait_s(interval_s: float, failures: int, uniform: Uniform) -> float:
    """Return the wait after a server's answer, or after `failures` attempts without one, in seconds."""
    if failures == 0:
        return interval_s * uniform(1.0 - SPREAD, 1.0 + SPREAD)
    return Backoff(RETRY_S, interval_s).pause_s(failures - 1, uniform)
