"""News of files: told by the kernel, and looked after now and then, since it does not tell of everything."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from asyncinotify import Inotify, Mask

log = logging.getLogger(__name__)

SETTLED_S = 0.15
"""How long nothing may happen before a change counts as complete."""

LONGEST_S = 0.6
"""How long a change is waited for that does not end."""

LOOK_EVERY_S = 10.0
"""How often to look all the same: a symbolic link may lead to where nobody watches."""

_CHANGES = (
    Mask.CLOSE_WRITE | Mask.CREATE | Mask.DELETE | Mask.MOVED_FROM | Mask.MOVED_TO | Mask.ATTRIB
)

Version = tuple[int, int, int]
"""What tells one version of a file from another: inode, size, time of change."""


class FileWatch:
    """Tells when files have changed. Fills `Chore`.

    Args:
        paths: The files, and folders whose `*.yaml` count; asked for again and again.
        changed: Is called once for every change.
    """

    def __init__(self, paths: Callable[[], Iterable[Path]], changed: Callable[[], object]) -> None:
        self._paths = paths
        self._changed = changed
        self._known = self._look()

    async def run(self) -> None:
        """Watch until cancelled."""
        with Inotify() as inotify:
            while True:
                self._attend(inotify)
                await _news(inotify)
                self.look()

    def look(self) -> None:
        """Look now."""
        known, self._known = self._known, self._look()
        if self._known != known:
            self._changed()

    def _attend(self, inotify: Inotify) -> None:
        for path in self._paths():
            for folder in {path.parent, path}:
                if folder.is_dir():
                    with suppress(OSError):  # then there is only the look now and then
                        inotify.add_watch(folder, _CHANGES)

    def _look(self) -> dict[Path, Version | None]:
        files: dict[Path, Version | None] = {}
        for path in self._paths():
            for each in (path, *(path.glob("[!.]*.yaml") if path.is_dir() else ())):
                files[each] = None if each.is_dir() else version_of(each)
        return files


async def _news(inotify: Inotify) -> None:
    """Return when something happened and is over, or it is time to look."""
    with suppress(TimeoutError):
        async with asyncio.timeout(LOOK_EVERY_S):
            await inotify.get()
        async with asyncio.timeout(LONGEST_S):
            while True:
                async with asyncio.timeout(SETTLED_S):
                    await inotify.get()


def version_of(path: Path) -> Version | None:
    """Return what tells one version of a file from another, None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_ctime_ns
