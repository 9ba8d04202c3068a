"""When to ask a server again, so that many devices do not ask in step. Pure."""

from collections.abc import Callable

FIRST_S = 5.0
"""The longest wait of a device that has nothing to go on with yet."""

SPREAD = 0.2
RETRY_S = 5.0

Uniform = Callable[[float, float], float]
"""Returns a random number between two."""


def first_wait_s(interval_s: float, *, has_settings: bool, uniform: Uniform) -> float:
    """Return how long to wait after the start: devices that get power together ask one by one."""
    return uniform(0.0, interval_s if has_settings else min(FIRST_S, interval_s))


def next_wait_s(interval_s: float, failures: int, uniform: Uniform) -> float:
    """Return how long to wait after an answer, or after so many failures to get one."""
    if failures == 0:
        return interval_s * uniform(1.0 - SPREAD, 1.0 + SPREAD)
    longest_s = min(RETRY_S * 2.0 ** min(failures - 1, 20), interval_s)
    return uniform(longest_s / 2.0, longest_s)
