"""The bridge between a device's thread and the event loop: it carries periods and the thread's end."""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable

from voiced.errors import DeviceError, SoundFault

STALLED_AFTER_S = 2.0
"""A device that moved no period for this long has stalled."""

_CHECK_EVERY_S = 1.0
_JOIN_S = 0.06
_JOIN_TRY_S = 0.01
_JOIN_TRIES = 40


class Ending:
    """The end of something that runs in callbacks: a future that keeps the first error."""

    def __init__(self) -> None:
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._error: Exception | None = None

    @property
    def done(self) -> bool:
        """It ended."""
        return self._ended.done()

    def attempt(self, work: Callable[[], None]) -> None:
        """Call `work`; if it raises, end with that error."""
        try:
            work()
        except Exception as error:  # noqa: BLE001 - `wait` raises it again
            self.end(error)

    def end(self, error: Exception | None) -> None:
        """End with `error`, or cleanly. Only the first call counts."""
        if not self._ended.done():
            self._error = error
            self._ended.set_result(None)

    async def wait(self, timeout_s: float | None = None) -> None:
        """Wait for the end, or for the timeout. Raises the error that it ended with."""
        await asyncio.wait({self._ended}, timeout=timeout_s)
        if self._error is not None:
            raise self._error


class Handover:
    """Carries periods from one thread to the loop's thread, in order. When full, it drops the oldest.

    Attributes:
        lost: How many periods were dropped because the loop was blocked.
    """

    def __init__(self, deliver: Callable[[bytes], None], ending: Ending, limit: int) -> None:
        self.lost = 0
        self._loop = asyncio.get_running_loop()
        self._deliver = deliver
        self._ending = ending
        self._waiting: deque[bytes] = deque(maxlen=limit)
        self._scheduled = False

    def put(self, period: bytes) -> None:
        """Hand over one period.

        Thread: the device's.
        """
        if len(self._waiting) == self._waiting.maxlen:
            self.lost += 1
        self._waiting.append(period)
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon_threadsafe(self._ending.attempt, self._drain)

    def _drain(self) -> None:
        # Clear the flag before the first look: a period put from now on is seen here or schedules another call.
        self._scheduled = False
        while self._waiting and not self._ending.done:
            self._deliver(self._waiting.popleft())


class DeviceThread:
    """The thread that moves sound for one direction of a device."""

    def __init__(self, name: str, device: str, ending: Ending, work: Callable[[], None]) -> None:
        self._device = device
        self._ending = ending
        self._loop = asyncio.get_running_loop()
        self._work = work
        # A daemon thread, so that a driver that never returns cannot keep the process alive.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    async def watch(self, count_periods: Callable[[], int]) -> None:
        """Return when the thread ends without an error.

        Raises:
            DeviceError: If the device failed, or moved no period for `STALLED_AFTER_S`.
        """
        loop = asyncio.get_running_loop()
        seen, seen_at = count_periods(), loop.time()
        while not self._ending.done:
            await self._ending.wait(_CHECK_EVERY_S)
            if (now := count_periods()) != seen:
                seen, seen_at = now, loop.time()
            elif loop.time() - seen_at >= STALLED_AFTER_S:
                hint = "replug it; some arrays are silent unless their own playback is open too"
                problem = f"no sound moved for {STALLED_AFTER_S:g} s"
                raise DeviceError(self._device, problem, hint, SoundFault.STALLED)

    def join(self, last_resort: Callable[[], None]) -> bool:
        """Wait until the thread, told to stop, has ended; return whether it did.

        Blocks the loop, for one period at most if the device works: closing a device under its thread crashes
        the process, so a second cancellation must not cut the wait short.

        Args:
            last_resort: Called repeatedly while the thread does not end by itself.
        """
        self._thread.join(_JOIN_S)
        for _ in range(_JOIN_TRIES):
            if not self._thread.is_alive():
                return True
            last_resort()
            self._thread.join(_JOIN_TRY_S)
        return not self._thread.is_alive()

    def _run(self) -> None:
        error: Exception | None = DeviceError(self._device, "its thread died")
        try:
            self._work()
            error = None
        except DeviceError as failure:
            error = failure
        finally:
            with contextlib.suppress(RuntimeError):  # the loop may be closed by now
                self._loop.call_soon_threadsafe(self._ending.end, error)
