"""Calls into a sound driver, which may take long or never return.

A thread that hangs in the driver cannot be ended: Python has no means to, and the driver may hold a lock of
alsa-lib or of the kernel. So it is left behind, a daemon thread that holds up neither the loop nor the end of
the process, and as long as it hangs no second one is started for its device: one is all that can be lost.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any, Generic, TypeVar

from voiced.errors import DeviceError, SoundFault
from voiced.lib.event_loop import on_thread

OPEN_WITHIN_S = 5.0
"""How long opening may take. The slowest card seen takes 2 s; the kernel gives up a USB transfer after 5 s."""

CLOSE_WITHIN_S = 0.5
"""How long closing is waited for; a card that is well takes milliseconds."""

KEEP_S = 2.0
"""How long what was opened too late is kept for whoever tries again."""

Found = TypeVar("Found")


class DriverCalls:
    """Makes the calls for one direction of one device, one at a time.

    Belongs to one event loop; it outlives what is opened through it.

    Args:
        within_s: How long a call may take, unless it is told otherwise.
    """

    def __init__(self, within_s: float = OPEN_WITHIN_S) -> None:
        self._within_s = within_s
        self._running: _Call | None = None

    async def call(
        self,
        action: str,
        device: str,
        work: Callable[[], Found],
        *,
        again: "Again[Found] | None" = None,
        within_s: float | None = None,
    ) -> Found:
        """Return what `work` returns, once it does.

        Args:
            action: What is done, as in "opening hangs".
            device: What to call the device.
            work: The call. Runs on a thread of its own.
            again: Who asks again after a call that hung, and gets what came of it.
            within_s: How long it may take.

        Raises:
            DeviceError: If it hangs, or an earlier call still does; or what the call raises.
        """
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + (self._within_s if within_s is None else within_s)
        while (running := self._running) is not None and not running.is_for(again):
            running.give_up()
            await self._wait(running, deadline_s, device)
        if running is None:
            running = self._running = _Call(action, work, again, deadline_s)
        try:
            await self._wait(running, running.deadline_s, device)
        except asyncio.CancelledError:
            running.give_up()
            raise
        found: Found = running.take()
        return found

    async def _wait(self, running: "_Call", deadline_s: float, device: str) -> None:
        """Return when a call has ended; then there is none any more.

        Raises:
            DeviceError: If it does not end in time.
        """
        loop = asyncio.get_running_loop()
        if not await _is_done(running.ended, max(deadline_s - loop.time(), 0.0)):
            running.keep_for_a_while(loop)
            hint = "replug it; if that does not help, restart the device"
            raise DeviceError(device, f"{running.action} hangs", hint, SoundFault.HANGING)
        if self._running is running:
            self._running = None


async def _is_done(ended: Future[None], within_s: float) -> bool:
    """Return whether a thread ends in time."""
    loop, told = asyncio.get_running_loop(), asyncio.Event()

    def tell(_ended: Future[None]) -> None:
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(told.set)

    ended.add_done_callback(tell)
    with suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            await told.wait()
    return ended.done()


@dataclass(frozen=True, slots=True)
class Again(Generic[Found]):
    """Who may ask again for what came of a call that hung.

    Attributes:
        owner: Who that is.
        undo: Takes back what nobody asks for. Thread: any but the loop's.
    """

    owner: object
    undo: Callable[[Found], object]


class _Call:
    """One call and what becomes of it.

    Attributes:
        action: What is done.
        again: Who may ask again.
        deadline_s: When it hangs, by the loop's clock.
        ended: Is done when its thread has ended.
    """

    def __init__(
        self, action: str, work: Callable[[], Any], again: Again[Any] | None, deadline_s: float
    ) -> None:
        self.action = action
        self.again = again
        self.deadline_s = deadline_s
        self._lock = Lock()  # between the end of the call and the moment at which nobody wants it
        self._outcome: Future[Any] = Future()
        self._is_unwanted = self._is_kept = self._is_taken = False
        self.ended = on_thread(action, partial(self._live, work))

    def is_for(self, again: Again[Any] | None) -> bool:
        """Tell whether it is what `again` asks for."""
        return again is not None and again == self.again and not self._is_unwanted

    def take(self) -> Any:
        """Return what the call returned, or raise what it raised. Only once it has ended."""
        self._is_taken = True
        return self._outcome.result()

    def give_up(self) -> None:
        """Take note that nobody wants it any more; what came of it is taken back. Idempotent."""
        with self._lock:
            was_wanted = not self._is_unwanted and not self._is_taken
            self._is_unwanted = True
            is_late = self._outcome.done() and was_wanted
        if is_late:
            self.ended = on_thread(self.action, self._take_back)

    def keep_for_a_while(self, loop: asyncio.AbstractEventLoop) -> None:
        """Keep what comes of it too late for whoever asks again soon, and for no longer."""
        if self._is_kept:
            return
        self._is_kept = True

        def give_up_later(_ended: Future[None]) -> None:
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(loop.call_later, KEEP_S, self.give_up)

        self.ended.add_done_callback(give_up_later)

    def _live(self, work: Callable[[], Any]) -> None:
        """Thread: the call's own."""
        try:
            found, error = work(), None
        except Exception as problem:  # noqa: BLE001 - `take` raises it
            found, error = None, problem
        with self._lock:
            if error is None:
                self._outcome.set_result(found)
            else:
                self._outcome.set_exception(error)
            is_unwanted = self._is_unwanted
        if is_unwanted:
            self._take_back()

    def _take_back(self) -> None:
        """Thread: any but the loop's."""
        if self.again is not None and self._outcome.exception() is None:
            with suppress(Exception):  # it may be gone already
                self.again.undo(self._outcome.result())
