"""Read files that users name: within a size limit, and without blocking on pipes or devices."""

import errno
import os
import stat
from pathlib import Path

_READ_BYTES = 64 * 1024
_READING = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC  # a pipe must not block
_HANDED_OVER = ("/dev/fd/", "/dev/stdin", "/proc/self/fd/")
"""Files a shell opened for us, as in `voiced config check <(command)`; these may block."""
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a link",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def other_kind(found: os.stat_result) -> str:
    """Return what kind of file it is, if not a regular one; empty if it is."""
    kind = stat.S_IFMT(found.st_mode)
    return "" if kind == stat.S_IFREG else _KINDS.get(kind, "no file")


def read_start(path: Path, most_bytes: int) -> bytes:
    """Return the first bytes of the file at `path`, `most_bytes` at most.

    A link is followed. One to `/dev/null` is an empty file, as for systemd.

    Raises:
        OSError: If it cannot be read, or is no regular file: `strerror` says what it is.
    """
    if str(path).startswith(_HANDED_OVER):
        with path.open("rb") as file:
            return file.read(most_bytes)
    require_regular(path)  # before opening: to open a device may have an effect
    descriptor = os.open(path, _READING)
    try:
        require_regular(descriptor)  # again: the path may lead elsewhere by now
        return read_up_to(descriptor, most_bytes)
    finally:
        os.close(descriptor)


def read_up_to(descriptor: int, most_bytes: int) -> bytes:
    """Return the rest of an open file, at most `most_bytes`.

    Raises:
        OSError: If it cannot be read.
    """
    pieces, missing = [], most_bytes
    while missing and (piece := os.read(descriptor, min(missing, _READ_BYTES))):
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)


def require_regular(place: Path | int) -> None:
    """Check that a path or an open descriptor is a regular file. Use it before a library reads the file.

    A link is followed. One to `/dev/null` counts as a regular file.

    Raises:
        OSError: If it is not, or is unreadable: `strerror` says what it is.
    """
    found = os.stat(place)  # noqa: PTH116 - a descriptor has no method for it
    kind = other_kind(found)
    if kind and found.st_rdev != Path(os.devnull).stat().st_rdev:
        raise OSError(errno.EINVAL, f"it is {kind}")
