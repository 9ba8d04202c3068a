"""Waits: of random length, and until something has changed."""

import asyncio
import random
from collections.abc import Callable

from voiced.errors import VoicedError

uniform = random.SystemRandom().uniform
"""Returns a random number between two, another one on each of many devices that start together."""

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
