"""What a person before the device may set: voice, prompt and greeting, and nothing else."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from voiced.assembly.factory import catalogue
from voiced.assembly.protocols import agent_class
from voiced.config.load import Source, examine_sources, try_read
from voiced.config.schema import AgentSection, Settings
from voiced.config.user_overrides import ByHand, set_by_hand
from voiced.config.yaml_document import KeyPath, parse
from voiced.errors import ConfigError, NotSavedError, RequestRefused
from voiced.storage.state_files import BY_HAND
from voiced.storage.state_store import StateStore, StoredFile

SESSION = ("agent", "session")
MOST_CHARS = 8000

_UNKNOWN: Mapping[str, str] = {}


def by_hand_in(store: StateStore) -> ByHand:
    """Return what reads, from where it is kept, what people have set."""
    file = store.open(BY_HAND)

    def read() -> Source | None:
        content = file.read(_as_yaml)
        return None if content is None else Source(str(file.path), content)

    return read


def _as_yaml(content: bytes) -> bytes:
    parse(content, BY_HAND.name)
    return content


class UserOverrides:
    """Keeps what people set.

    Args:
        path: The settings file.
        file: Where what people set is kept.
        wanted: Tells the settings as they are to be.
        reload: Has all of them read again.
    """

    def __init__(
        self,
        path: Path,
        file: StoredFile,
        wanted: Callable[[], Settings],
        reload: Callable[[], Awaitable[object]],
    ) -> None:
        self._path = path
        self._file = file
        self._turn = asyncio.Lock()
        self._wanted = wanted
        self._reload = reload

    def now(self) -> dict[str, str | None]:
        """Return what people may set, and what it is; None where the agent chooses."""
        agent = self._wanted().agent
        return {name: _at(agent.session, path) for name, path in _within_reach(agent).items()}

    async def change(self, changed: Mapping[str, str], was: Mapping[str, str] = _UNKNOWN) -> None:
        """Set some of it; an empty text takes back what was set before.

        Args:
            changed: By name, what it is to be.
            was: By name, what whoever changes it saw before; nothing of it may have changed since.

        Raises:
            RequestRefused: If that is no good, not for people to set, or somebody else was quicker.
        """
        places = _within_reach(self._wanted().agent)
        if not changed or not changed.keys() <= places.keys():
            raise RequestRefused("that cannot be set here")
        if any(len(text) > MOST_CHARS for text in changed.values()):
            raise RequestRefused(f"that is too long; {MOST_CHARS} characters at most")
        wanted: dict[KeyPath, str] = {
            (*SESSION, *places[name]): text.strip() for name, text in changed.items()
        }
        async with self._turn:  # who comes second builds on what the first has set
            self._check_unchanged(changed, was)
            content = await asyncio.to_thread(self._with, wanted)
            try:
                await self._file.save(content)
            except NotSavedError as error:
                raise RequestRefused(f"I could not write it down: {error.reason}") from error
            await self._reload()
        for name, text in self.now().items():
            if changed.get(name, "").strip() not in ("", text):
                raise RequestRefused(f"the {name} comes from a server, and stays as it is")

    def _check_unchanged(self, changed: Mapping[str, str], was: Mapping[str, str]) -> None:
        """Return if nobody has set in the meantime what is set now.

        Raises:
            RequestRefused: If somebody has, to something else.
        """
        now = self.now()
        for name, text in changed.items():
            is_now = now.get(name) or ""
            if is_now not in (was.get(name, is_now), text.strip()):
                problem = f"somebody else has changed the {name} meanwhile"
                raise RequestRefused(f"{problem}; open the settings again to see it")

    def _with(self, changed: Mapping[KeyPath, str]) -> bytes:
        own = try_read(self._path)
        if isinstance(own, ConfigError):
            raise RequestRefused("the settings of this device need mending first") from own
        before = self._file.read(_as_yaml)
        if before is not None and _problems(own, before):
            before = None  # nothing of it counts
        content = set_by_hand(before, changed)
        problems = _problems(own, content)
        if problems:
            raise RequestRefused(f"{problems[0].problem}; {problems[0].hint}".removesuffix("; "))
        return content


def _within_reach(agent: AgentSection) -> Mapping[str, tuple[str, ...]]:
    """Return what a person before the device may set of an agent's session, and where it stands."""
    if "agent_id" in agent.session:  # a stored agent brings its own settings
        return {}
    return agent_class(agent.protocol).personal


def _problems(own: Sequence[Source], by_hand: bytes) -> tuple[ConfigError, ...]:
    return examine_sources([*own, Source("settings", by_hand)], catalogue()).problems


def _at(value: Any, path: tuple[str, ...]) -> str | None:
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return None if value is None else str(value)
