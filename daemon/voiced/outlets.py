"""Parts that are there only while the settings ask for them: imported, run and ended as those change."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from voiced.core.events import Event
from voiced.core.state import Conversation
from voiced.errors import VoicedError
from voiced.ports import Chore, Observer

log = logging.getLogger(__name__)

AGAIN_S = 30.0

Asked = TypeVar("Asked")


class Outlet(Generic[Asked]):
    """Runs one part while its section of the settings is there. Fills `Chore`.

    Args:
        name: What the section is called.
        section: Tells what the settings ask for now; None is for nothing.
        build: Makes the part; it may import what nobody else needs.
    """

    def __init__(
        self,
        name: str,
        section: Callable[[], Asked | None],
        build: Callable[[Asked], Awaitable[Chore]],
    ) -> None:
        self._name = name
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
            async with asyncio.TaskGroup() as group:
                running = None if section is None else group.create_task(self._run(section))
                while self._section() == section:
                    self._changed.clear()
                    await self._changed.wait()
                if running is not None:
                    running.cancel()

    async def _run(self, section: Asked) -> None:
        """Run it, again and again if need be: no conversation ends because of it."""
        while True:
            try:
                part = await self._build(section)
                await part.run()
            except ModuleNotFoundError as error:
                hint = f"pip install 'voiced[{self._name}]'"
                log.error("%s: needs the library %s: %s", self._name, error.name, hint)  # noqa: TRY400 - it says it all
            except VoicedError as error:
                log.error("%s: %s", self._name, error)  # noqa: TRY400 - it says it all
            except Exception:
                log.exception("%s: ended", self._name)
            await asyncio.sleep(AGAIN_S)


class Audience:
    """Everybody who follows what happens. Fills `Observer`.

    Args:
        observers: Those who always do.
    """

    def __init__(self, observers: Iterable[Observer]) -> None:
        self._observers = [*observers]

    def noticed(
        self, before: Conversation, event: Event | None, now: Conversation, took_s: float
    ) -> None:
        """Pass it on."""
        for observer in self._observers:
            observer.noticed(before, event, now, took_s)

    def attended(self, observer: Observer, part: Chore) -> Chore:
        """Return `part`, with `observer` following what happens while it runs."""
        return _Attended(self._observers, observer, part)


@dataclass(frozen=True, slots=True)
class _Attended:
    observers: list[Observer]
    observer: Observer
    part: Chore

    async def run(self) -> None:
        self.observers.append(self.observer)
        try:
            await self.part.run()
        finally:
            self.observers.remove(self.observer)
