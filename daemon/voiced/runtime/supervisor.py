"""The tasks that run as long as the daemon does, and their replacement when settings change."""

import asyncio
from collections.abc import Mapping

from voiced.lib.task_group import TaskGroup
from voiced.runtime.guard import Run


class Supervisor:
    """Keeps one task of `group` running for each part: if one fails, all end."""

    def __init__(self, group: TaskGroup) -> None:
        self._group = group
        self._tasks: dict[object, asyncio.Task[None]] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    def keep(self, wanted: Mapping[object, Run]) -> None:
        """Run the parts `wanted` and no others.

        A part that already runs is left alone. A new one starts after the unwanted ones have ended, because it
        may need the same sound card or the same pin.
        """
        for part in [part for part in self._tasks if part not in wanted]:
            task = self._tasks.pop(part)
            task.cancel()
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)
        others = frozenset(self._leaving)
        for part, run in wanted.items():
            if part not in self._tasks:
                self._tasks[part] = self._group.create_task(_after(others, run), name=f"{part}")

    def cancel(self) -> None:
        """End every task."""
        self.keep({})


async def _after(others: frozenset[asyncio.Task[None]], run: Run) -> None:
    if others:
        await asyncio.wait(others)
    await run()
