"""Calls into a sound driver, which may take long or never return.

A thread that hangs in the driver cannot be killed, and may hold a lock of alsa-lib or the kernel. So it is
abandoned: a daemon thread blocks neither the loop nor the end of the process. While it hangs, no second one is
started for its device, so at most one thread per device is lost.
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
"""How long opening may take: the slowest known card takes 2 s, and the kernel aborts a USB transfer after 5 s."""

CLOSE_WITHIN_S = 0.5
"""How long to wait for closing; a working card takes milliseconds."""

KEEP_S = 2.0
"""How long a late result is kept for the next attempt."""

Found = TypeVar("Found")


class DriverCalls:
    """Makes the calls for one direction of one device, one at a time, by default each within `within_s`.

    Belongs to one event loop; it outlives what is opened through it.
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
            action: What it does, as in "opening hangs".
            device: The device's name for messages.
            work: The call. Runs on its own thread.
            again: Identifies the caller, who may ask again for the result of a call that hung.
            within_s: Its time limit, if not the default.

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
        """Wait for a call to end; then there is no running call.

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
    """Wait for a thread; return whether it ended in time."""
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
    """Identifies a caller who may ask again for the result of a call that hung.

    Attributes:
        owner: The caller.
        undo: Releases a result that is not fetched. Thread: any but the loop's.
    """

    owner: object
    undo: Callable[[Found], object]


class _Call:
    """One call and its result.

    Attributes:
        action: What it does.
        again: Who may ask again.
        deadline_s: When it counts as hanging, by the loop's clock.
        ended: Done when its thread has ended.
    """

    def __init__(
        self, action: str, work: Callable[[], Any], again: Again[Any] | None, deadline_s: float
    ) -> None:
        self.action = action
        self.again = again
        self.deadline_s = deadline_s
        self._lock = Lock()  # orders the end of the call and `give_up`
        self._outcome: Future[Any] = Future()
        self._is_unwanted = self._is_kept = self._is_taken = False
        self.ended = on_thread(action, partial(self._run, work))

    def is_for(self, again: Again[Any] | None) -> bool:
        """Tell whether `again` may fetch its result."""
        return again is not None and again == self.again and not self._is_unwanted

    def take(self) -> Any:
        """Return what the call returned, or raise what it raised. Only once it has ended."""
        self._is_taken = True
        return self._outcome.result()

    def give_up(self) -> None:
        """Discard the result, now or when it comes. Idempotent."""
        with self._lock:
            was_wanted = not self._is_unwanted and not self._is_taken
            self._is_unwanted = True
            is_late = self._outcome.done() and was_wanted
        if is_late:
            self.ended = on_thread(self.action, self._take_back)

    def keep_for_a_while(self, loop: asyncio.AbstractEventLoop) -> None:
        """Keep a late result for `KEEP_S`, in case its caller asks again."""
        if self._is_kept:
            return
        self._is_kept = True

        def give_up_later(_ended: Future[None]) -> None:
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(loop.call_later, KEEP_S, self.give_up)

        self.ended.add_done_callback(give_up_later)

    def _run(self, work: Callable[[], Any]) -> None:
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
