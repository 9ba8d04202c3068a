"""Services that run only while the settings ask for them: imported, started and ended as those change."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from voiced.core.events import Event
from voiced.core.state import Conversation
from voiced.errors import ConfigError
from voiced.lib.task_group import TaskGroup
from voiced.ports import BackgroundTask, Observer
from voiced.runtime.guard import Guard

Asked = TypeVar("Asked")


class OptionalService(Generic[Asked]):
    """Runs one service while the settings have its section. Implements `BackgroundTask`.

    Args:
        name: The name of the section, and of the service.
        section: Returns the section now; None if there is none.
        build: Makes the service; it may import libraries that nothing else needs.
        guard: Restarts the service when it fails.

    Attributes:
        name: Name of this task.
    """

    def __init__(
        self,
        name: str,
        section: Callable[[], Asked | None],
        build: Callable[[Asked], Awaitable[BackgroundTask]],
        guard: Guard,
    ) -> None:
        self.name = f"settings of {name}"
        self._section_name = name
        self._guard = guard
        self._section = section
        self._build = build
        self._changed = asyncio.Event()

    def look(self) -> None:
        """Look again: the settings may have changed."""
        self._changed.set()

    async def run(self) -> None:
        """Run the service that the settings ask for, until cancelled."""
        while True:
            section = self._section()
            async with TaskGroup() as group:
                running = None
                if section is not None:
                    run = partial(self._run, section)
                    guarded = self._guard.run(self._section_name, run)
                    running = group.create_task(guarded, name=self._section_name)
                # Compared before each wait: a change while the service was starting is not missed.
                while self._section() == section:
                    self._changed.clear()
                    await self._changed.wait()
                if running is not None:
                    running.cancel()

    async def _run(self, section: Asked) -> None:
        """Make the service and run it; raises VoicedError if it cannot be made."""
        try:
            part = await self._build(section)
        except ModuleNotFoundError as error:
            hint = f"pip install 'voiced[{self._section_name}]'"
            raise ConfigError(
                self._section_name, f"needs the library {error.name}", hint
            ) from error
        await part.run()


class ObserverGroup:
    """All observers of the conversation. Implements `Observer`.

    Args:
        observers: Those that are always there.
        guard: Isolates one that fails from the others.
    """

    def __init__(self, observers: Iterable[Observer], guard: Guard) -> None:
        self._observers = [*observers]
        self._guard = guard

    def noticed(
        self, before: Conversation, event: Event | None, now: Conversation, took_s: float
    ) -> None:
        """Pass a step on to all."""
        for observer in self._observers:
            self._guard.attempt(observer, observer.noticed, before, event, now, took_s)

    def attended(self, observer: Observer, part: BackgroundTask) -> BackgroundTask:
        """Return `part`, with `observer` in the group while it runs."""
        return _Attended(self._observers, observer, part)


@dataclass(frozen=True, slots=True)
class _Attended:
    observers: list[Observer]
    observer: Observer
    part: BackgroundTask

    async def run(self) -> None:
        self.observers.append(self.observer)
        try:
            await self.part.run()
        finally:
            self.observers.remove(self.observer)
