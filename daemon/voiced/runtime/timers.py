"""The timers of the conversation, on the loop's clock."""

import asyncio
from collections.abc import Callable

from voiced.core.events import Event, TimerFired

SILENCE = "silence"
LOOK_EVERY_S = 1.0
"""How often progress of the agent is checked while its silence is timed."""


class Timers:
    """Deliver events later. One name is one timer.

    The timer for silence starts over whenever the agent makes progress. Sound makes no events, so this timer
    polls `signs`, which counts them.
    """

    def __init__(self, dispatch: Callable[[Event], None], signs: Callable[[], int]) -> None:
        self._dispatch = dispatch
        self._signs = signs
        self._running: dict[str, asyncio.TimerHandle] = {}

    def start(self, name: str, after_s: float, event: Event | None = None) -> None:
        """Deliver `event`, or TimerFired, after `after_s`."""
        self.cancel(name)
        if name == SILENCE:
            self._look(after_s, after_s, self._signs())
        else:
            later = asyncio.get_running_loop().call_later
            fired = event or TimerFired(name)
            self._running[name] = later(after_s, self._dispatch, fired)

    def cancel(self, name: str) -> None:
        """Cancel the timer, if it runs."""
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
