"""What a person before the device may set: voice, prompt and greeting, and nothing else."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from voiced.app import catalogue, within_reach
from voiced.config.by_hand import set_by_hand
from voiced.config.document import KeyPath
from voiced.config.load import Source, examine_sources, try_read
from voiced.config.schema import Settings
from voiced.errors import ConfigError
from voiced.host.memory import replace_file
from voiced.steering import CannotError

SESSION = ("agent", "session")
MOST_CHARS = 8000


class Wishes:
    """Keeps what people set.

    Args:
        path: The settings file.
        by_hand: Where what people set is kept.
        wanted: Tells the settings as they are to be.
        reread: Has all of them read again.
    """

    def __init__(
        self,
        path: Path,
        by_hand: Path,
        wanted: Callable[[], Settings],
        reread: Callable[[], object],
    ) -> None:
        self._path = path
        self._by_hand = by_hand
        self._wanted = wanted
        self._reread = reread

    def now(self) -> dict[str, str | None]:
        """Return what people may set, and what it is; None where the agent chooses."""
        agent = self._wanted().agent
        return {
            name: _at(agent.session, path)
            for name, path in within_reach(agent.protocol, agent.session).items()
        }

    async def change(self, changed: Mapping[str, str]) -> None:
        """Set some of it; an empty text takes back what was set before.

        Raises:
            CannotError: If that is no good, or not for people to set.
        """
        agent = self._wanted().agent
        places = within_reach(agent.protocol, agent.session)
        if not changed or not changed.keys() <= places.keys():
            raise CannotError("that cannot be set here")
        if any(len(text) > MOST_CHARS for text in changed.values()):
            raise CannotError(f"that is too long; {MOST_CHARS} characters at most")
        wanted: dict[KeyPath, str] = {
            (*SESSION, *places[name]): text.strip() for name, text in changed.items()
        }
        await asyncio.to_thread(self._keep, wanted)
        self._reread()
        for name, text in self.now().items():
            if changed.get(name, "").strip() not in ("", text):
                raise CannotError(f"the {name} comes from a server, and stays as it is")

    def _keep(self, changed: Mapping[KeyPath, str]) -> None:
        own = try_read(self._path)
        if isinstance(own, ConfigError):
            raise CannotError("the settings of this device need mending first") from own
        try:
            before: bytes | None = self._by_hand.read_bytes()
        except OSError:
            before = None
        if before is not None and _problems(own, before):
            before = None  # nothing of it counts
        content = set_by_hand(before, changed)
        problems = _problems(own, content)
        if problems:
            raise CannotError(f"{problems[0].problem}; {problems[0].hint}".removesuffix("; "))
        try:
            replace_file(self._by_hand, content)
        except OSError as error:
            raise CannotError(f"it cannot be kept: {error.strerror}") from error


def _problems(own: Sequence[Source], by_hand: bytes) -> tuple[ConfigError, ...]:
    return examine_sources([*own, Source("settings", by_hand)], catalogue()).problems


def _at(value: Any, path: tuple[str, ...]) -> str | None:
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return None if value is None else str(value)
