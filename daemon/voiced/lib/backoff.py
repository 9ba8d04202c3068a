"""When to try again what failed: later each time, and never in step with other devices."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass

from voiced.errors import VoicedError

_uniform = random.SystemRandom().uniform


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

    def pause_s(self, failures: int) -> float:
        """Return a random wait after so many failures before this one."""
        longest_s = min(self.first_s * 2.0 ** min(failures, 16), self.most_s)
        return _uniform(longest_s / 2.0, longest_s)


AFTER_REFUSAL = Backoff(first_s=120.0, most_s=900.0)
"""After somebody refused our credentials: some ban an address after five tries."""

LOOK_EVERY_S = 5.0


async def until_changed(read: Callable[[], object], within_s: float) -> None:
    """Return when `read` gives something else than now, or after so many seconds.

    Args:
        read: Gives what may change; a `VoicedError` of it counts as nothing.
        within_s: How long to wait at most.
    """
    loop = asyncio.get_running_loop()
    before, end_s = _found(read), loop.time() + within_s
    while (left_s := end_s - loop.time()) > 0 and _found(read) == before:  # noqa: ASYNC110 - a file tells only when asked
        await asyncio.sleep(min(left_s, LOOK_EVERY_S))


def _found(read: Callable[[], object]) -> object:
    try:
        return read()
    except VoicedError:
        return None
