"""Disks that fail, and a disk that forgets what was not synced when the power goes."""

import itertools
import os
from dataclasses import dataclass, field
from pathlib import Path

STEPS = ("open", "write", "fsync", "close", "replace", "fsync folder")
"""Of replacing a file, in their order."""


class Quick:
    """A real disk that syncs nothing: for tests that do not cut the power."""

    def __getattr__(self, name):
        return getattr(os, name)

    def fsync(self, descriptor):
        pass


class FailingDisk(Quick):
    """A real disk on which one step fails while it is told to.

    Attributes:
        step: One of STEPS; None for all that change anything.
        error: The number of the error; None while it works.
        only: The name of the one file that fails; None for all.
        short: It writes no more than so many bytes at once.
        steps: What was done, in order.
    """

    def __init__(self, error=None, step=None, only=None, short=None):
        self.error, self.step, self.only, self.short = error, step, only, short
        self.steps = []
        self._opened = {}

    def _do(self, step, path=None):
        self.steps.append(step)
        ours = self.only is None or (path is not None and self.only in Path(path).name)
        if self.error is not None and ours and self.step in (None, step):
            raise OSError(self.error, os.strerror(self.error))

    def open(self, path, flags, mode=0o777):
        folder = bool(flags & os.O_DIRECTORY)
        if not folder:
            self._do("open", path)
        descriptor = os.open(path, flags, mode)
        self._opened[descriptor] = None if folder else path
        return descriptor

    def write(self, descriptor, content):
        self._do("write", self._opened[descriptor])
        return os.write(descriptor, content[: self.short])

    def fsync(self, descriptor):
        path = self._opened[descriptor]
        self._do("fsync folder" if path is None else "fsync", path)

    def close(self, descriptor):
        path = self._opened.pop(descriptor)
        os.close(descriptor)
        if path is not None:
            self._do("close", path)

    def replace(self, path, to):
        self._do("replace", to)
        path.replace(to)

    def unlink(self, path):
        path.unlink()


@dataclass
class Inode:
    """One file: what was written, and how much of that is on the disk for certain."""

    content: bytes = b""
    synced: bytes = b""


@dataclass
class Folder:
    """The names in a folder: on the disk for certain, and what was done since."""

    synced: dict = field(default_factory=dict)
    since: list = field(default_factory=list)

    def names(self, n=None):
        found = dict(self.synced)
        for name, inode in self.since[:n]:
            if inode is None:
                found.pop(name, None)
            else:
                found[name] = inode
        return found


class ForgetfulDisk:
    """A file system in memory that keeps, over a power cut, only what was synced, and what chance adds.

    What a name leads to is written in order, as journals do it; content of a file may be there, or not, or in
    part, or as zeros, whatever the order, until its own sync has returned. One folder is all there is.
    """

    def __init__(self):
        self.folder = Folder()
        self._open = {}
        self._numbers = itertools.count(3)
        self.after_step = lambda: None

    def open(self, path, flags, mode=0o777):
        number = next(self._numbers)
        if flags & os.O_DIRECTORY:
            self._open[number] = self.folder
        else:
            names = self.folder.names()
            assert path.name not in names, "it was not cleared away"
            self._open[number] = inode = Inode()
            self.folder.since.append((path.name, inode))
        self.after_step()
        return number

    def write(self, descriptor, content):
        piece = bytes(content)[: max(len(content) // 2, 1)]  # never all at once
        self._open[descriptor].content += piece
        self.after_step()
        return len(piece)

    def fsync(self, descriptor):
        what = self._open[descriptor]
        if isinstance(what, Folder):
            what.synced, what.since = what.names(), []
        else:
            what.synced = what.content
        self.after_step()

    def close(self, descriptor):
        del self._open[descriptor]

    def replace(self, path, to):
        # One transaction of the journal: the new name and the end of the old one.
        self.folder.since.append((to.name, self.folder.names()[path.name]))
        self.folder.since.append((path.name, None))
        self.after_step()

    def unlink(self, path):
        if path.name not in self.folder.names():
            raise FileNotFoundError(path)
        self.folder.since.append((path.name, None))
        self.after_step()

    def mkdir(self, path, mode):
        raise AssertionError("there is a folder")

    def crashes(self):
        """Yield what may be in the folder after a power cut now, by name."""
        for n in range(len(self.folder.since) + 1):
            names = self.folder.names(n)
            unsure = [name for name, inode in names.items() if inode.content != inode.synced]
            for kinds in itertools.product(KINDS, repeat=len(unsure)):
                chosen = dict(zip(unsure, kinds, strict=True))
                yield {name: chosen.get(name, _whole)(inode) for name, inode in names.items()}


def _whole(inode):
    return inode.content


def _half(inode):
    return inode.content[: len(inode.content) // 2]


def _zeros(inode):
    return bytes(len(inode.content))


def _nothing(inode):
    return inode.synced


KINDS = (_whole, _half, _zeros, _nothing)
