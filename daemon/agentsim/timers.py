"""Timers that can be cancelled together."""

import asyncio
from collections.abc import Callable


class Timers:
    """Timers on the clock of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._pending: set[asyncio.TimerHandle] = set()

    def now(self) -> float:
        """Return the loop's time in seconds."""
        return self.loop.time()

    def after(self, delay_s: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        """Call back after `delay_s`."""
        return self.at(self.loop.time() + delay_s, call)

    def at(self, when_s: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        """Call back at `when_s` on the loop's clock."""

        def fire() -> None:
            self._pending.discard(handle)
            call()

        handle = self.loop.call_at(when_s, fire)
        self._pending.add(handle)
        return handle

    def cancel(self, handle: asyncio.TimerHandle | None) -> None:
        """Cancel one timer; does nothing for None or one that has fired."""
        if handle is not None:
            handle.cancel()
            self._pending.discard(handle)

    def cancel_all(self) -> None:
        """Cancel every timer."""
        for handle in self._pending:
            handle.cancel()
        self._pending.clear()
