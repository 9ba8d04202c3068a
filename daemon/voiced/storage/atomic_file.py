"""Atomic replacement of a file, synced to the disk; and bounded reading.

A path of ours may hold a file of any kind and size; reading it never blocks, and takes no more memory
than allowed.
"""

import errno
import os
import shutil
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, cast

from voiced.errors import VoicedError
from voiced.lib.regular_file import other_kind, read_up_to

KEPT_BROKEN = 3  # broken copies of one file
FOLDER_MODE = 0o700

# O_NOFOLLOW and O_NONBLOCK: never follow a link, never wait for the writer of a FIFO.
_READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITING = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


class NotWholeError(VoicedError):
    """A file is not what was written: corrupt, too large, or of another kind."""


class SystemCalls(Protocol):
    """The system calls that replace a file, as in the module `os`. Each may raise OSError.

    Tests use others, which fail or record.
    """

    def open(self, path: Path, flags: int, mode: int = ..., /) -> int:
        """Open a file or folder; return its descriptor."""

    def write(self, descriptor: int, content: memoryview, /) -> int:
        """Write some of `content`; return how many bytes."""

    def fsync(self, descriptor: int, /) -> None:
        """Wait until all of it is on the disk."""

    def close(self, descriptor: int, /) -> None:
        """Close a descriptor."""

    def replace(self, path: Path, to: Path, /) -> None:
        """Rename a file, and replace what has the new name."""

    def unlink(self, path: Path, /) -> None:
        """Remove a file."""

    def mkdir(self, path: Path, mode: int, /) -> None:
        """Make a folder."""


REAL = cast("SystemCalls", os)


def replace_file(path: Path, content: bytes, mode: int, system: SystemCalls = REAL) -> None:
    """Replace the content of the file at `path`; return when that is safe on the disk.

    Thread: any, but one at a time for each path.

    Args:
        path: The file. Its folder is made if need be.
        content: The new content.
        mode: Its permissions, before the umask.
        system: The system calls to use.

    Raises:
        OSError: If it is not safe. The file then has either the old or the new content, complete.
    """
    _make_folder(path.parent, system)
    fresh = path.with_name(f".{path.name}.new")
    _clear(fresh, system)
    try:
        _write(fresh, content, mode, system)
        try:
            system.replace(fresh, path)
        except IsADirectoryError:
            set_aside(path, system)
            system.replace(fresh, path)
    except OSError:
        with suppress(OSError):
            system.unlink(fresh)  # do not fill a full disk further
        raise
    # A rename is safe only once its folder is synced, too.
    _sync_folder(path.parent, system)


def read_whole(path: Path, most_bytes: int) -> bytes:
    """Return the content of the file at `path`.

    Args:
        path: The file.
        most_bytes: The largest size allowed.

    Raises:
        NotWholeError: If it is no regular file, or a larger one.
        OSError: If it cannot be read.
    """
    _check_kind(path.lstat(), most_bytes)  # before opening, which has side effects on a device
    descriptor = os.open(path, _READING)
    try:
        _check_kind(os.fstat(descriptor), most_bytes)  # again: it may have been replaced meanwhile
        content = read_up_to(descriptor, most_bytes + 1)
    finally:
        os.close(descriptor)
    if len(content) > most_bytes:
        raise NotWholeError(_too_large(most_bytes))
    return content


def set_aside(path: Path, system: SystemCalls = REAL) -> Path:
    """Rename a broken file, and delete all but the newest broken copies; return the new path.

    Raises:
        OSError: If it cannot be renamed.
    """
    stem = f"{path.name}.broken-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    names = (stem if n == 1 else f"{stem}-{n}" for n in range(1, 1000))
    aside = next(path.with_name(name) for name in names if not os.path.lexists(path.parent / name))
    system.replace(path, aside)
    others = [each for each in broken_copies(path) if each != aside]
    for old in others[: max(len(others) + 1 - KEPT_BROKEN, 0)]:
        _forget(old, system)
    return aside


def broken_copies(path: Path) -> list[Path]:
    """Return the broken copies of the file at `path`, the oldest first."""
    try:
        return sorted(
            each for each in path.parent.iterdir() if each.name.startswith(f"{path.name}.broken-")
        )
    except OSError:
        return []


def _forget(path: Path, system: SystemCalls) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            system.unlink(path)


def _check_kind(found: os.stat_result, most_bytes: int) -> None:
    if kind := other_kind(found):
        raise NotWholeError(f"it is {kind}")
    if found.st_size > most_bytes:
        raise NotWholeError(_too_large(most_bytes))


def _too_large(most_bytes: int) -> str:
    return f"it is larger than {most_bytes} bytes"


def _make_folder(folder: Path, system: SystemCalls) -> None:
    if folder.is_dir():
        return
    if folder.parent != folder:
        _make_folder(folder.parent, system)
    try:
        system.mkdir(folder, FOLDER_MODE)
    except FileExistsError:
        if not folder.is_dir():  # else another thread has made it meanwhile
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), folder) from None
    _sync_folder(folder.parent, system)


def _clear(fresh: Path, system: SystemCalls) -> None:
    """Remove the leftover of an earlier try: its permissions may differ."""
    try:
        system.unlink(fresh)
    except FileNotFoundError:
        pass
    except IsADirectoryError:
        set_aside(fresh, system)


def _write(path: Path, content: bytes, mode: int, system: SystemCalls) -> None:
    descriptor = system.open(path, _WRITING, mode)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[system.write(descriptor, rest) :]
        system.fsync(descriptor)
    finally:
        system.close(descriptor)


def _sync_folder(folder: Path, system: SystemCalls) -> None:
    descriptor = system.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        system.fsync(descriptor)
    finally:
        system.close(descriptor)
