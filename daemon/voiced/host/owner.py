"""What the owner can do: change the key or the settings, and have them read again."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from voiced.core.actions import Status
from voiced.core.events import OwnerActed
from voiced.errors import ConfigError
from voiced.host.reloads import Reloads
from voiced.ports import Emit

log = logging.getLogger(__name__)

LOOK_EVERY_S = 2.0

_Looks = tuple[tuple[int, int, int] | None, ...]
"""What tells one version of each file from another: inode, size, time of change."""


class OwnerWatch:
    """Reads the owner's files again when asked to, and while the agent refuses us as soon as they change.

    Fills `Indicator` and `WakeSource`.

    Args:
        paths: The files.
        reread: Reads them again and hands what is in them to the agent; raises ConfigError.
        reloads: Where somebody may ask.
    """

    def __init__(
        self, paths: Sequence[Path], reread: Callable[[], None], reloads: Reloads | None = None
    ) -> None:
        self._paths = paths
        self._reread = reread
        self._reloads = reloads or Reloads()
        self._known = self._look()
        self._is_refused = asyncio.Event()

    def show(self, status: Status) -> None:
        if status is Status.REJECTED:
            self._is_refused.set()
        else:
            self._is_refused.clear()

    async def watch(self, emit: Emit) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow_files(emit), name="owner's files")
            group.create_task(self._follow_requests(emit), name="owner's requests")

    async def _follow_requests(self, emit: Emit) -> None:
        while True:
            await self._reloads.wait()
            self._known = self._look()
            self._act(emit)
            self._reloads.done()

    async def _follow_files(self, emit: Emit) -> None:
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
            log.info("the key and the settings were read again")
            emit(OwnerActed())

    def _look(self) -> _Looks:
        return tuple(version_of(path) for path in self._paths)


def version_of(path: Path) -> tuple[int, int, int] | None:
    """Return what tells one version of a file from another, None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_ctime_ns
