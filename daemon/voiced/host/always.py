"""`wake.mode: always`: keep a conversation open without anybody pressing anything."""

import asyncio

from voiced.core.actions import Status
from voiced.core.events import Woken
from voiced.ports import Emit

PAUSE_S = 1.0
"""Wait before waking again."""


class AlwaysAwake:
    """Wakes at the start and whenever a conversation has ended."""

    def __init__(self) -> None:
        self._status = Status.ASLEEP
        self._changed = asyncio.Event()

    def show(self, status: Status) -> None:
        self._status = status
        self._changed.set()

    async def watch(self, emit: Emit) -> None:
        emit(Woken("always", unattended=True))
        while True:
            self._changed.clear()
            try:
                async with asyncio.timeout(PAUSE_S if self._status is Status.ASLEEP else None):
                    await self._changed.wait()
            except TimeoutError:
                emit(Woken("always", unattended=True))
