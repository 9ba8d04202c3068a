"""A thread with an event loop of its own, for work that would block the main loop, which moves the sound."""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from voiced.lib.event_loop import new_event_loop
from voiced.lib.task_group import TaskGroup

if TYPE_CHECKING:
    import anyio

log = logging.getLogger(__name__)

Found = TypeVar("Found")
Work = Callable[[], Awaitable[Any]]


class WorkerThreadError(Exception):
    """The thread has ended, and its work is lost."""


# Not anyio's BlockingPortal: a caller that is cancelled leaves it at once, while its work still ends. With it, connections
# outlived the last work, and calls that nobody waited for hung.
class WorkerThread:
    """Runs coroutines on a thread, which exists while there are any. Use it from one loop only."""

    def __init__(self) -> None:
        self._jobs: set[_Job] = set()
        self._inbox: _Inbox | None = None

    async def run(self, work: Callable[[], Awaitable[Found]], wait_s: float = 0.0) -> Found:
        """Run a coroutine function on the thread and return its result.

        If cancelled, cancels the work and waits at most `wait_s` for its end.

        Raises:
            WorkerThreadError: If the thread has ended.
            Exception: Any error of the work.
        """
        job = _Job(work, asyncio.get_running_loop().create_future())
        self._begin(job)
        try:
            await asyncio.wait([job.done])
        except asyncio.CancelledError:
            job.cancel()
            if wait_s:
                await asyncio.wait([job.done], timeout=wait_s)
            raise
        found: Found = job.done.result()
        return found

    def _begin(self, job: "_Job") -> None:
        if self._inbox is None:
            self._inbox = _Inbox()
            inbox, main = self._inbox, asyncio.get_running_loop()
            threading.Thread(
                target=_live, args=(inbox, main, self._lost), name="mcp", daemon=True
            ).start()
        self._jobs.add(job)
        job.done.add_done_callback(lambda _: self._finished(job))
        job.inbox = self._inbox
        self._inbox.put(job)

    def _finished(self, job: "_Job") -> None:
        self._jobs.discard(job)
        if not job.done.cancelled():
            job.done.exception()  # marks it as retrieved: the caller may have left
        if not self._jobs and self._inbox is not None:
            self._inbox.put(None)
            self._inbox = None

    def _lost(self, inbox: "_Inbox") -> None:
        """Fail the jobs that a dead thread has left."""
        if inbox is self._inbox:
            self._inbox = None
        for job in [job for job in self._jobs if job.inbox is inbox]:
            job.finish(None, WorkerThreadError("the thread of the MCP servers has ended"))


class _Inbox:
    """The queue of a thread, and its loop."""

    def __init__(self) -> None:
        self.loop = new_event_loop()
        self.queue: asyncio.Queue[_Job | None] = asyncio.Queue()

    def put(self, job: "_Job | None") -> None:
        self.call(self.queue.put_nowait, job)

    def call(self, call: Callable[..., object], *arguments: object) -> None:
        with suppress(RuntimeError):  # its loop is closed; `_lost` is called, or will be
            self.loop.call_soon_threadsafe(call, *arguments)


class _Job:
    """One piece of work. `work` is called on the thread, `done` belongs to the main loop."""

    def __init__(self, work: Work, done: "asyncio.Future[Any]") -> None:
        self.done = done
        self.inbox: _Inbox
        self._work = work
        self._main = done.get_loop()
        self._unwanted = False
        self._scope: anyio.CancelScope | None = None

    def cancel(self) -> None:
        self.inbox.call(self._cancel)

    def _cancel(self) -> None:
        """Cancel the work. Thread: the worker."""
        self._unwanted = True
        if self._scope is not None:
            self._scope.cancel()

    async def do(self) -> None:
        """Do the work and report its outcome. Thread: the worker."""
        import anyio  # an optional dependency: only the thread may need it

        found, problem = None, None
        with anyio.CancelScope() as self._scope:
            try:
                if not self._unwanted:
                    found = await self._work()
            except Exception as error:  # noqa: BLE001 - raised again in `run`
                problem = error
        with suppress(RuntimeError):  # the main loop is closed
            self._main.call_soon_threadsafe(self.finish, found, problem)

    def finish(self, found: object, problem: Exception | None) -> None:
        if self.done.done():
            return
        if problem is None:
            self.done.set_result(found)
        else:
            self.done.set_exception(problem)


def _live(inbox: _Inbox, main: asyncio.AbstractEventLoop, lost: Callable[[_Inbox], object]) -> None:
    """Run the thread's loop until the queue ends. Thread: the worker."""
    try:
        with asyncio.Runner(loop_factory=lambda: inbox.loop) as runner:
            runner.run(_attend(inbox.queue))
    except BaseException:
        log.exception("the thread of the MCP servers broke")
    finally:
        with suppress(RuntimeError):  # the loop is closed
            main.call_soon_threadsafe(lost, inbox)


async def _attend(queue: "asyncio.Queue[_Job | None]") -> None:
    async with TaskGroup() as group:
        while (job := await queue.get()) is not None:
            group.create_task(job.do(), name="mcp")
