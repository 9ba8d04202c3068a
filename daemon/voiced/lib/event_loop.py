"""Event loops whose worker threads delay neither sound nor the end of the process.

asyncio joins the threads of a loop's default executor when the loop ends, and Python joins them again at exit. A
name lookup, a disk or a driver may hang on such a thread for seconds, or for ever.
"""

import asyncio
import sys
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

Found = TypeVar("Found")

SWITCH_S = 0.0005
"""How long a thread that waits for the GIL lets another one compute; Python's default is 0.005 s.

A sound thread waits for it up to five times per period, and is late after 0.04 s: reading settings or checking a
certificate would be audible.
"""


class DaemonThreads(ThreadPoolExecutor):
    """An executor that runs each call on its own daemon thread, which is not joined."""

    def __init__(self) -> None:
        super().__init__(max_workers=1)  # the base class starts none until its `submit` is called

    def submit(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run the call; see `concurrent.futures.Executor`."""
        return on_thread("beside the loop", lambda: call(*args, **kwargs))


def on_thread(name: str, work: Callable[[], Found]) -> Future[Found]:
    """Do `work` on a daemon thread called `name`; return the future of its result.

    A thread that hangs in C code cannot be ended, so the caller must limit their number.
    """
    future: Future[Found] = Future()
    future.set_running_or_notify_cancel()  # a cancellation could not reach the thread

    def live() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised where the result is read
            future.set_exception(error)

    threading.Thread(target=live, name=name, daemon=True).start()
    return future


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Return an event loop that does not join threads when it ends."""
    loop = asyncio.new_event_loop()
    loop.set_default_executor(DaemonThreads())
    return loop


def run(main: Coroutine[Any, Any, Found]) -> Found:
    """Run a program's coroutine and return its result, as `asyncio.run` does, with `SWITCH_S` for all threads."""
    sys.setswitchinterval(SWITCH_S)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(main)
