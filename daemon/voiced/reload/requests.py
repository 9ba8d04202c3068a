"""Requests to read the settings again: who asks, who does it, and who wants to know of it."""

import asyncio
from collections.abc import Awaitable, Callable

from voiced.lib.listeners import Listeners


class Reloads:
    """Does what is asked for. Implements `BackgroundTask`.

    Args:
        reload: Reads the device's own files again.

    Attributes:
        on_reload: Are told True when a reload begins, False when it is over.
    """

    def __init__(self, reload: Callable[[], Awaitable[object]]) -> None:
        self.on_reload: Listeners[[bool]] = Listeners()
        self._reload = reload
        self._asked = asyncio.Event()

    def ask(self) -> None:
        """Ask for a reload. On the loop's thread."""
        self.on_reload(True)  # noqa: FBT003 - it is the one argument
        self._asked.set()

    async def run(self) -> None:
        """Do what is asked for until cancelled."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            try:
                await self._reload()
            finally:
                self.on_reload(False)  # noqa: FBT003 - it is the one argument
