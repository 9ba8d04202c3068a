"""What the owner can do about a refusal: change the key or the settings."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from voiced.core.actions import Status
from voiced.core.events import OwnerActed
from voiced.errors import ConfigError
from voiced.ports import Emit

log = logging.getLogger(__name__)

LOOK_EVERY_S = 2.0

_Looks = tuple[tuple[int, int, int] | None, ...]
"""What tells one version of each file from another: inode, size, time of change."""


class OwnerWatch:
    """While the agent refuses us, reads the owner's files again as soon as they change.

    Fills `Indicator` and `WakeSource`.

    Args:
        paths: The files.
        reread: Reads them again and hands what is in them to the agent; raises ConfigError.
    """

    def __init__(self, paths: Sequence[Path], reread: Callable[[], None]) -> None:
        self._paths = paths
        self._reread = reread
        self._known = self._look()
        self._is_refused = asyncio.Event()

    def show(self, status: Status) -> None:
        if status is Status.REJECTED:
            self._is_refused.set()
        else:
            self._is_refused.clear()

    async def watch(self, emit: Emit) -> None:
        before = self._known
        while True:
            await self._is_refused.wait()
            now = self._look()
            # A file that is being written differs from one look to the next.
            if now != self._known and now == before:
                self._known = now
                self._act(emit)
            before = now
            await asyncio.sleep(LOOK_EVERY_S)

    def _act(self, emit: Emit) -> None:
        try:
            self._reread()
        except ConfigError as error:
            log.warning("%s", error)
        else:
            log.info("the key or the settings have changed: trying again")
            emit(OwnerActed())

    def _look(self) -> _Looks:
        return tuple(_version(path) for path in self._paths)


def _version(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_ctime_ns
