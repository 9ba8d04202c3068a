"""News of files: told by the kernel, and looked after now and then, since it does not tell of everything.

Where the kernel has no more watches to give, they are looked after more often.
"""

import asyncio
import errno
import logging
from collections.abc import Awaitable, Callable, Iterable
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

POLL_EVERY_S = 2.0
"""How often to look, and to ask for watches, as long as the kernel gives none."""

_CHANGES = (
    Mask.CLOSE_WRITE | Mask.CREATE | Mask.DELETE | Mask.MOVED_FROM | Mask.MOVED_TO | Mask.ATTRIB
)

Version = tuple[int, int, int]
"""What tells one version of a file from another: inode, size, time of change."""


class FileWatch:
    """Tells when files have changed. Implements `BackgroundTask`.

    Args:
        paths: The files, and folders whose `*.yaml` count; asked for again and again.
        changed: Is called once for every change.
        name: What it is called in the log.
    """

    def __init__(
        self,
        paths: Callable[[], Iterable[Path]],
        changed: Callable[[], Awaitable[object]],
        name: str = "file watch",
    ) -> None:
        self._name = name
        self._paths = paths
        self._changed = changed
        self._known = self._look()
        self._polls = False

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            try:
                inotify = Inotify()
            except OSError as error:
                self._poll_because(error)
                await asyncio.sleep(POLL_EVERY_S)
                await self.look()
                continue
            with inotify:
                while True:
                    self._attend(inotify)
                    await _news(inotify, POLL_EVERY_S if self._polls else LOOK_EVERY_S)
                    await self.look()

    async def look(self) -> None:
        """Look now. A change that could not be told of is told of again."""
        known = self._look()
        if known != self._known:
            await self._changed()
            self._known = known

    def _attend(self, inotify: Inotify) -> None:
        failure: OSError | None = None
        for path in self._paths():
            for folder in {path.parent, path}:
                if folder.is_dir():
                    try:
                        inotify.add_watch(folder, _CHANGES)
                    except OSError as error:
                        if (
                            error.errno == errno.ENOSPC
                        ):  # others stay, as a folder that may not be read
                            failure = error
        self._poll_because(failure)

    def _poll_because(self, failure: OSError | None) -> None:
        """Take note whether the kernel watches for us; tell it when that changes."""
        if failure is not None and not self._polls:
            why = failure.strerror or "the kernel does not watch them"
            log.warning("%s: %s; files are checked every %g s", self._name, why, POLL_EVERY_S)
        self._polls = failure is not None

    def _look(self) -> dict[Path, Version | None]:
        files: dict[Path, Version | None] = {}
        for path in self._paths():
            for each in (path, *(path.glob("[!.]*.yaml") if path.is_dir() else ())):
                files[each] = None if each.is_dir() else version_of(each)
        return files


async def _news(inotify: Inotify, look_every_s: float) -> None:
    """Return when something happened and is over, or it is time to look."""
    with suppress(TimeoutError):
        async with asyncio.timeout(look_every_s):
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
