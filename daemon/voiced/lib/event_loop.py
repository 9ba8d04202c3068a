"""The event loops that everything runs on: nothing beside one holds up the sound, or the process's end.

asyncio joins the threads of a loop's default executor when the loop ends, and Python joins them once more
when the process does. A name lookup, a disk or a driver may hang on one of them for seconds, or for good.
"""

import asyncio
import sys
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

Found = TypeVar("Found")

SWITCH_S = 0.0005
"""How long a thread that waits for Python leaves it to another one that computes.

Otherwise it is 0.005 s. A thread of sound waits up to five times for each period, and is late after 0.04 s:
settings that are read, or a server's certificate, would be heard.
"""


class DaemonThreads(ThreadPoolExecutor):
    """Makes each call on a thread of its own that nobody waits for at the end."""

    def __init__(self) -> None:
        super().__init__(max_workers=1)  # it starts none unless asked to

    def submit(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Make the call; see `concurrent.futures.Executor`."""
        return on_thread("beside the loop", lambda: call(*args, **kwargs))


def on_thread(name: str, work: Callable[[], Found]) -> Future[Found]:
    """Do `work` on a daemon thread called `name`; return what will hold its outcome.

    A thread that hangs in C cannot be ended from here, so whoever calls bounds how many there may be.
    """
    future: Future[Found] = Future()
    future.set_running_or_notify_cancel()  # no cancellation reaches the thread

    def live() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - it is raised where the outcome is asked for
            future.set_exception(error)

    threading.Thread(target=live, name=name, daemon=True).start()
    return future


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Return an event loop whose end waits for no thread."""
    loop = asyncio.new_event_loop()
    loop.set_default_executor(DaemonThreads())
    return loop


def run(main: Coroutine[Any, Any, Found]) -> Found:
    """Run a program's coroutine and return what it returns, as `asyncio.run` does.

    From then on the process's threads take turns quickly.
    """
    sys.setswitchinterval(SWITCH_S)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(main)
