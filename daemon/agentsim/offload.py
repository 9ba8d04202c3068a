"""Runs slow work (speaking, understanding) where it cannot delay the audio."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

T = TypeVar("T")


class Offload(Protocol):
    """Runs work, and delivers the result on the loop's thread."""

    def __call__(self, work: Callable[[], T], deliver: Callable[[T], None]) -> None:
        """Run `work`, then call `deliver` with what it returned."""

    def close(self) -> None:
        """Discard work that has not begun; idempotent."""


class Inline:
    """Runs work at once on the caller's thread, for the jumping clock."""

    def __call__(self, work: Callable[[], T], deliver: Callable[[T], None]) -> None:
        """Run `work`, then call `deliver` with what it returned."""
        deliver(work())

    def close(self) -> None:
        """Do nothing: no work ever waits."""


class Worker:
    """Runs work in order on one thread of its own."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="agentsim")
        self._loop = asyncio.get_running_loop()

    def __call__(self, work: Callable[[], T], deliver: Callable[[T], None]) -> None:
        """Run `work`, then call `deliver` with what it returned."""
        self._loop.run_in_executor(self._executor, work).add_done_callback(
            lambda done: None if done.cancelled() else deliver(done.result())
        )

    def close(self) -> None:
        """Discard work that has not begun, wait for what is running; idempotent."""
        self._executor.shutdown(cancel_futures=True)
