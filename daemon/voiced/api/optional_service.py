"""Components that are there only while the settings ask for them: imported, run and ended as those change."""

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
    """Runs one part while its section of the settings is there. Implements `BackgroundTask`.

    Args:
        name: What the section is called.
        section: Tells what the settings ask for now; None is for nothing.
        build: Makes the part; it may import what nobody else needs.
        guard: Starts it again when it fails.

    Attributes:
        name: What it is itself called; its part is called as the section is.
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
        """Take note that the settings may have changed."""
        self._changed.set()

    async def run(self) -> None:
        """Run what is asked for until cancelled."""
        while True:
            section = self._section()
            async with TaskGroup() as group:
                running = None
                if section is not None:
                    run = partial(self._run, section)
                    guarded = self._guard.run(self._section_name, run)
                    running = group.create_task(guarded, name=self._section_name)
                while self._section() == section:
                    self._changed.clear()
                    await self._changed.wait()
                if running is not None:
                    running.cancel()

    async def _run(self, section: Asked) -> None:
        """Make the part and run it.

        Raises:
            VoicedError: If it cannot be made.
        """
        try:
            part = await self._build(section)
        except ModuleNotFoundError as error:
            hint = f"pip install 'voiced[{self._section_name}]'"
            raise ConfigError(
                self._section_name, f"needs the library {error.name}", hint
            ) from error
        await part.run()


class ObserverGroup:
    """Everybody who follows what happens. Implements `Observer`.

    Args:
        observers: Those who always do.
        guard: Keeps one that fails from the others.
    """

    def __init__(self, observers: Iterable[Observer], guard: Guard) -> None:
        self._observers = [*observers]
        self._guard = guard

    def noticed(
        self, before: Conversation, event: Event | None, now: Conversation, took_s: float
    ) -> None:
        """Pass it on."""
        for observer in self._observers:
            self._guard.attempt(observer, observer.noticed, before, event, now, took_s)

    def attended(self, observer: Observer, part: BackgroundTask) -> BackgroundTask:
        """Return `part`, with `observer` following what happens while it runs."""
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
