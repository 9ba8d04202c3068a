"""The timers of the conversation, on the loop's clock."""

import asyncio
from collections.abc import Callable

from voiced.core.events import Event, TimerFired

SILENCE = "silence"
LOOK_EVERY_S = 1.0
"""How often a sign of life is looked for while one is missing."""


class Timers:
    """Deliver events later. One name is one timer.

    The one for silence starts over whenever there was a sign of life: sound is not an event, so it
    is looked for here.

    Args:
        dispatch: Takes the events.
        signs: Counts the signs of life.
    """

    def __init__(self, dispatch: Callable[[Event], None], signs: Callable[[], int]) -> None:
        self._dispatch = dispatch
        self._signs = signs
        self._running: dict[str, asyncio.TimerHandle] = {}

    def start(self, name: str, after_s: float, event: Event | None = None) -> None:
        """Deliver `event`, or that the timer fired, after so long."""
        self.cancel(name)
        if name == SILENCE:
            self._look(after_s, after_s, self._signs())
        else:
            later = asyncio.get_running_loop().call_later
            fired = event or TimerFired(name)
            self._running[name] = later(after_s, self._dispatch, fired)

    def cancel(self, name: str) -> None:
        """Forget the timer."""
        if (timer := self._running.pop(name, None)) is not None:
            timer.cancel()

    def _look(self, limit_s: float, left_s: float, seen: int) -> None:
        if (signs := self._signs()) != seen:
            left_s = limit_s
        if left_s <= 0:
            self._dispatch(TimerFired(SILENCE))
            return
        wait_s = min(LOOK_EVERY_S, left_s)
        later = asyncio.get_running_loop().call_later
        self._running[SILENCE] = later(wait_s, self._look, limit_s, left_s - wait_s, signs)
