"""`wake.mode: always`: keep a conversation open without a button or a wake word.

It follows the phase of the conversation, not the status: a fault may hide the phase there.
"""

import asyncio

from voiced.core.events import Event, Woken
from voiced.core.state import Conversation, Phase
from voiced.ports import Emit

PAUSE_S = 1.0
"""Wait before waking again."""


class AlwaysAwake:
    """Wakes at the start and after every conversation. Implements `WakeSource` and `Observer`."""

    def __init__(self) -> None:
        self._phase = Phase.ASLEEP
        self._moved = asyncio.Event()

    def noticed(
        self, before: Conversation, event: Event | None, now: Conversation, took_s: float
    ) -> None:
        """Follow the phase."""
        del before, event, took_s
        if now.phase is not self._phase:
            self._phase = now.phase
            self._moved.set()

    async def watch(self, emit: Emit) -> None:
        emit(Woken("always", unattended=True))
        while True:
            self._moved.clear()
            try:
                async with asyncio.timeout(PAUSE_S if self._phase is Phase.ASLEEP else None):
                    await self._moved.wait()
            except TimeoutError:
                emit(Woken("always", unattended=True))
