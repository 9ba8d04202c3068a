"""Random waits, and waits for a change."""

import asyncio
import random
from collections.abc import Callable

from voiced.errors import VoicedError

uniform = random.SystemRandom().uniform
"""Returns a random number between two. Seeded by the system, so devices that start together differ."""

LOOK_EVERY_S = 5.0


async def until_changed(read: Callable[[], object], within_s: float) -> None:
    """Wait at most `within_s` until `read` returns another value than now; a `VoicedError` counts as None."""
    loop = asyncio.get_running_loop()
    before, end_s = _found(read), loop.time() + within_s
    while (left_s := end_s - loop.time()) > 0 and _found(read) == before:  # noqa: ASYNC110 - a file tells only when asked
        await asyncio.sleep(min(left_s, LOOK_EVERY_S))


def _found(read: Callable[[], object]) -> object:
    try:
        return read()
    except VoicedError:
        return None
