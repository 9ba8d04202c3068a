"""A thread with an event loop of its own, for what would hold up the loop that the sound is on."""

import asyncio
import concurrent.futures
import logging
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from voiced.lib.event_loop import new_event_loop

if TYPE_CHECKING:
    from anyio.from_thread import BlockingPortal

log = logging.getLogger(__name__)

Found = TypeVar("Found")


class WorkerThreadError(Exception):
    """The thread has ended, and what it was doing is lost."""


class _Thread:
    """A thread that does what comes through its portal until it is told to end.

    anyio has `start_blocking_portal` for this. It blocks until the thread runs, and the process does not end
    before the thread does: a server's program must not hold up either.

    Attributes:
        portal: The way to it, once it runs.
        n_jobs: How much work waits for it or is done by it.
    """

    def __init__(self) -> None:
        self.portal: concurrent.futures.Future[BlockingPortal] = concurrent.futures.Future()
        self.n_jobs = 0
        self._loop = new_event_loop()
        self._over = asyncio.Event()
        threading.Thread(target=self._live, name="mcp", daemon=True).start()

    def end(self) -> None:
        """Have it end once everything is done that it does."""
        with suppress(RuntimeError):  # its loop is closed
            self._loop.call_soon_threadsafe(self._over.set)

    def _live(self) -> None:
        """Thread: this one."""
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._attend())
        except BaseException as error:
            log.exception("the thread of the MCP servers broke")
            if not self.portal.done():
                self.portal.set_exception(RuntimeError(str(error)))

    async def _attend(self) -> None:
        from anyio.from_thread import BlockingPortal

        async with BlockingPortal() as portal:
            self.portal.set_result(portal)
            await self._over.wait()


class WorkerThread:
    """Does work on another thread; the thread is there as long as there is any.

    Belongs to the loop that calls it.
    """

    def __init__(self) -> None:
        self._thread: _Thread | None = None

    async def run(self, work: Callable[[], Awaitable[Found]], wait_s: float = 0.0) -> Found:
        """Run a coroutine function on the thread and return what it returns.

        Cancellation crosses; it is waited for `wait_s` at most that the work is put away.

        Raises:
            WorkerThreadError: If the thread has ended.
            Exception: Whatever the work raises.
        """
        main, ended = asyncio.get_running_loop(), asyncio.Event()

        async def outcome() -> tuple[Found, None] | tuple[None, Exception]:
            try:
                return await work(), None
            except Exception as error:  # noqa: BLE001 - it is raised where it was asked for
                return None, error
            finally:
                with suppress(RuntimeError):  # nobody waits any more: the loop is closed
                    main.call_soon_threadsafe(ended.set)

        self._thread = thread = self._thread or _Thread()
        thread.n_jobs += 1
        try:
            portal = await asyncio.shield(asyncio.wrap_future(thread.portal))
            found = await portal.call_async(outcome, abandon_on_cancel=True)
        except asyncio.CancelledError:
            if wait_s:
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        await ended.wait()
            raise
        except (concurrent.futures.CancelledError, RuntimeError):  # its loop has ended
            self._forget(thread)
            raise WorkerThreadError("the thread of the MCP servers has ended") from None
        finally:
            thread.n_jobs -= 1
            if not thread.n_jobs:
                self._forget(thread)
                thread.end()
        if found[1] is not None:
            raise found[1]
        return found[0]

    def _forget(self, thread: _Thread) -> None:
        """Have the next work done by another thread."""
        if self._thread is thread:
            self._thread = None
