"""What a person before the device may set: voice, prompt and greeting, and nothing else."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from voiced.assembly.factory import catalogue
from voiced.assembly.protocols import agent_class
from voiced.config.load import Examined, Source, examine_sources, read
from voiced.config.resolve import Choice
from voiced.config.schema import AgentSection
from voiced.config.user_overrides import ByHand, people_may_set, set_by_hand
from voiced.config.yaml_document import KeyPath
from voiced.errors import ConfigError, NotSavedError, RequestRefused
from voiced.storage.state_files import BY_HAND
from voiced.storage.state_store import StateStore, StoredFile

SESSION = ("agent", "session")
MOST_CHARS = 8000

_UNKNOWN: Mapping[str, str] = {}


def by_hand_in(store: StateStore) -> ByHand:
    """Return what reads, from where it is kept, what people have set."""
    file = store.open(BY_HAND)

    def parsed(content: bytes) -> Source:
        source = Source(str(file.path), content)
        _ = source.document  # what cannot be parsed is not whole
        return source

    return partial(file.read, parsed)


class UserOverrides:
    """Keeps what people set.

    Args:
        path: The settings file.
        file: Where what people set is kept.
        choice: Tells the settings as they are to be.
        reload: Has those used that it is told how to get, one change after the other.
    """

    def __init__(
        self,
        path: Path,
        file: StoredFile,
        choice: Callable[[], Choice],
        reload: Callable[[Callable[[], Awaitable[Examined]]], Awaitable[object]],
    ) -> None:
        self._path = path
        self._file = file
        self._choice = choice
        self._reload = reload

    def now(self) -> dict[str, str | None]:
        """Return what people may set, and what it is; None where the agent chooses."""
        agent = self._agent
        return {name: _at(agent.session, path) for name, path in _within_reach(agent).items()}

    @property
    def _agent(self) -> AgentSection:
        return self._choice().best.settings.agent

    async def change(self, changed: Mapping[str, str], was: Mapping[str, str] = _UNKNOWN) -> None:
        """Set some of it; an empty text takes back what was set before.

        Args:
            changed: By name, what it is to be.
            was: By name, what whoever changes it saw before; nothing of it may have changed since.

        Raises:
            RequestRefused: If that is no good, not for people to set, or somebody else was quicker.
        """
        places = _within_reach(self._agent)
        if not changed or not changed.keys() <= places.keys():
            raise RequestRefused("this cannot be changed here")
        if any(len(text) > MOST_CHARS for text in changed.values()):
            raise RequestRefused(f"that is too long; {MOST_CHARS} characters at most")
        wanted: dict[KeyPath, str] = {
            (*SESSION, *places[name]): text.strip() for name, text in changed.items()
        }

        async def read() -> Examined:
            # Whoever comes second builds on what the first has set.
            self._check_unchanged(changed, was)
            return await self._saved(wanted)

        await self._reload(read)
        for name, text in self.now().items():
            if changed.get(name, "").strip() not in ("", text):
                raise RequestRefused(f"the {name} is set by a server and cannot be changed here")

    def _check_unchanged(self, changed: Mapping[str, str], was: Mapping[str, str]) -> None:
        """Return if nobody has set in the meantime what is set now.

        Raises:
            RequestRefused: If somebody has, to something else.
        """
        now = self.now()
        for name, text in changed.items():
            is_now = now.get(name) or ""
            if is_now not in (was.get(name, is_now), text.strip()):
                problem = f"someone else has changed the {name} in the meantime"
                raise RequestRefused(f"{problem}; open the settings again to see it")

    async def _saved(self, changed: Mapping[KeyPath, str]) -> Examined:
        """Return what becomes of the device's own files with what is `changed`, once that is on the disk."""
        found = await asyncio.to_thread(self._with, changed)
        try:
            await self._file.save(found.sources[-1].content)
        except NotSavedError as error:
            raise RequestRefused(f"it could not be saved: {error.reason}") from error
        return found

    def _with(self, changed: Mapping[KeyPath, str]) -> Examined:
        try:
            own = read(self._path)
        except ConfigError as error:
            raise RequestRefused("the settings of this device must be fixed first") from error
        name = str(self._file.path)
        in_force = [
            each.document.value for each in self._choice().local.sources if each.name == name
        ]
        content = set_by_hand(in_force[0] if in_force else None, changed)
        found = examine_sources([*own, Source(name, content)], catalogue())
        if found.problems:
            first = found.problems[0]
            raise RequestRefused(f"{first.problem}; {first.hint}".removesuffix("; "))
        if not people_may_set(own):
            raise RequestRefused("this cannot be changed here")
        return found


def _within_reach(agent: AgentSection) -> Mapping[str, tuple[str, ...]]:
    """Return what a person before the device may set of an agent's session, and where it stands."""
    if "agent_id" in agent.session:  # a stored agent brings its own settings
        return {}
    return agent_class(agent.protocol).personal


def _at(value: Any, path: tuple[str, ...]) -> str | None:
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return None if value is None else str(value)
