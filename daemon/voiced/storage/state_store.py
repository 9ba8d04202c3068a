"""The store: the only one that writes what outlives the process.

A failed write is a fact: it is kept as a state, shown, and tried again until it succeeds. What must not be lost
is saved, and confirmed only when it is safe on the disk; the rest is put, and written as soon as that can be done.
"""

import asyncio
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import TypeVar

from voiced.errors import NotSavedError
from voiced.lib.backoff import Backoff
from voiced.lib.event_loop import on_thread
from voiced.lib.listeners import Listeners
from voiced.lib.token_bucket import TokenBucket
from voiced.lib.waiting import uniform
from voiced.storage.atomic_file import (
    REAL,
    NotWholeError,
    SystemCalls,
    read_whole,
    replace_file,
    set_aside,
)
from voiced.storage.state_files import FileSpec

log = logging.getLogger(__name__)

MODE = 0o600

LAST_S = 2.0
"""How long the last write may take: the process promises to end within 3 s."""

AT_ONCE, THEN_EVERY_S = 32, 20.0
"""So many writes of what is gathered follow each other at once, and then one each time: what changes for ever would
wear out the disk, which is a memory card."""

Decoded = TypeVar("Decoded")


@dataclass(frozen=True, slots=True)
class DiskReport:
    """How the disk of the state folder is.

    Attributes:
        failing: Something is not on the disk that should be.
        reason: Why, in the words of the system.
        since: Since when, ISO 8601 in UTC.
        unwritten: The files that wait to be written.
        failed_writes: How many writes have failed since the start.
        set_aside: What was found not whole since the start, by its new name.
    """

    failing: bool = False
    reason: str = ""
    since: str | None = None
    unwritten: tuple[str, ...] = ()
    failed_writes: int = 0
    set_aside: tuple[str, ...] = ()


class StateStore:
    """All files of one state folder. Implements `BackgroundTask`.

    Args:
        folder: Where they are. It need not exist.
        system: How they are written.
        backoff: When to try again.

    Attributes:
        on_recovery: Are called on the loop when all is on the disk that could not be written before.
    """

    def __init__(
        self, folder: Path, system: SystemCalls = REAL, backoff: Backoff | None = None
    ) -> None:
        self.folder = folder
        self.on_recovery: Listeners[[]] = Listeners()
        self._system = system
        self._backoff = backoff or Backoff()
        self._files: dict[str, StoredFile] = {}
        self._failing: dict[str, str] = {}
        self._since: str | None = None
        self._failed_writes = 0
        self._set_aside: list[str] = []
        self._noting = Lock()  # never held while the disk is waited for
        self._changed, self._urgent = asyncio.Event(), asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._may_write = TokenBucket(AT_ONCE, THEN_EVERY_S)

    def open(self, spec: FileSpec) -> "StoredFile":
        """Return the file, the same one each time."""
        if spec.name not in self._files:
            self._files[spec.name] = StoredFile(self, spec)
        return self._files[spec.name]

    @property
    def report(self) -> DiskReport:
        """How the disk is."""
        with self._noting:
            failing = dict(self._failing)
        return DiskReport(
            failing=bool(failing),
            reason=next(iter(failing.values()), ""),
            since=self._since if failing else None,
            unwritten=tuple(failing),
            failed_writes=self._failed_writes,
            set_aside=tuple(self._set_aside),
        )

    async def run(self) -> None:
        """Write what is put, and try again what failed, until cancelled; a last time then."""
        self._loop = loop = asyncio.get_running_loop()
        failures, was_failing = 0, False
        try:
            while True:
                pause_s = self._backoff.pause_s(failures, uniform) if self._failing else None
                await _set_within(self._changed, pause_s)
                if self._changed.is_set() and not self._urgent.is_set():
                    await self._gather(loop.time, pause_s)
                self._changed.clear()
                self._urgent.clear()
                await asyncio.to_thread(self.flush)  # a disk may take long, and sound must not wait
                is_failing = bool(self._failing)
                failures = failures + 1 if is_failing else 0
                if was_failing and not is_failing:
                    self.on_recovery()
                was_failing = is_failing
        finally:
            self._loop = None
            self.close()

    def close(self) -> None:
        """Write everything a last time. A disk that hangs holds up the end of the process only so long."""
        with suppress(TimeoutError):
            on_thread("disk", self.flush).result(LAST_S)

    def flush(self) -> None:
        """Write everything that is not on the disk yet.

        Thread: any.
        """
        for file in [*self._files.values()]:
            file.write()

    def wake(self, *, urgent: bool = True) -> None:
        """Have `run` look what there is to do.

        Thread: any.
        """
        if self._loop is not None:
            with suppress(RuntimeError):  # a loop that has ended; `run` has written everything
                self._loop.call_soon_threadsafe(self._wake, urgent)
        else:
            self._wake(urgent)

    def _wake(self, urgent: bool) -> None:  # noqa: FBT001 - `call_soon_threadsafe` passes no names
        self._changed.set()
        if urgent:
            self._urgent.set()

    async def _gather(self, now_s: Callable[[], float], most_s: float | None) -> None:
        """Return when what was put is to be written: longer after it was, the more often that happens."""
        wait_s = max(file.spec.wait_s for file in self._files.values())
        with suppress(TimeoutError):
            async with asyncio.timeout(most_s):
                await _set_within(self._urgent, wait_s)
                while not self._urgent.is_set() and (left_s := self._may_write.take(now_s())):
                    await _set_within(self._urgent, max(wait_s, left_s))

    def write(self, spec: FileSpec, content: bytes) -> OSError | None:
        """Write a file; return why it is not safe on the disk, if it is not.

        Thread: any, but one at a time for each file.
        """
        path = self.folder / spec.name
        try:
            replace_file(path, content, MODE, self._system)
        except OSError as error:
            with self._noting:
                self._note_failure(path, error)
            return error
        with self._noting:
            if self._failing.pop(spec.name, None) is not None and not self._failing:
                log.info("%s: can be written again, and nothing was lost", self.folder)
        return None

    def _note_failure(self, path: Path, error: OSError) -> None:
        self._failed_writes += 1
        reason = reason_of(error)
        if not self._failing:
            self._since = datetime.now(UTC).isoformat(timespec="milliseconds")
            log.warning("%s: cannot be written: %s; trying again until it can", path, reason)
        self._failing[path.name] = reason

    def put_aside(self, spec: FileSpec, why: object) -> bool:
        """Give a file that is not whole another name, and tell of it; return whether that could be done."""
        path = self.folder / spec.name
        try:
            aside = set_aside(path, self._system)
        except OSError as error:
            log.error(  # noqa: TRY400 - it says it all
                "%s: is damaged: %s; %s are lost, and it cannot be set aside: %s",
                *(path, why, spec.holds, reason_of(error)),
            )
            return False
        log.error("%s: is damaged: %s; %s are lost; see %s", path, why, spec.holds, aside.name)
        self._set_aside.append(aside.name)
        return True


class StoredFile:
    """One file of the store.

    What is safe is told by identity: content that was put a second time is another object.

    Attributes:
        spec: What it is.
    """

    def __init__(self, store: StateStore, spec: FileSpec) -> None:
        self.spec = spec
        self._store = store
        self._wanted = spec.empty
        self._safe: bytes | None = spec.empty  # None: what is on the disk is not known
        self._writing = Lock()  # held while the disk is waited for
        self._swap = Lock()  # never

    @property
    def path(self) -> Path:
        """Where it is."""
        return self._store.folder / self.spec.name

    @property
    def is_safe(self) -> bool:
        """All of it is on the disk."""
        return self._safe is self._wanted

    @property
    def exists(self) -> bool:
        """Something lies there, or waits to be written there."""
        return self._wanted is not self.spec.empty or os.path.lexists(self.path)

    def read(self, decode: Callable[[bytes], Decoded]) -> Decoded | None:
        """Return what is kept, or None if there is nothing, or nothing whole: that is set aside and told of.

        Thread: any.

        Args:
            decode: Makes something of the bytes; whatever it raises, they are not whole.
        """
        if not self.is_safe or not self._writing.acquire(blocking=False):
            # What is on the disk does not count, or not for long.
            return None if self._wanted is self.spec.empty else decode(self._wanted)
        try:
            return self._read(decode)
        finally:
            self._writing.release()

    def _read(self, decode: Callable[[bytes], Decoded]) -> Decoded | None:
        before, content, found = self._wanted, self.spec.empty, None
        safe: bytes | None = content
        try:
            content, found = read_as(self.path, self.spec, decode)
            safe = content
        except FileNotFoundError:
            pass
        except NotWholeError as error:
            safe = content if self._store.put_aside(self.spec, error) else None
        with self._swap:
            if self._wanted is before:
                self._wanted = content
            self._safe = safe
        return found

    def put(self, content: bytes) -> None:
        """Keep `content` instead, on the disk as soon as that can be done. Never blocks, never fails."""
        with self._swap:
            if content == self._wanted:
                return
            self._wanted = content
        self._store.wake(urgent=self.spec.wait_s == 0)

    def rewrite(self) -> None:
        """Write what is kept once more: then it is known whether that can be done."""
        self._safe = None
        self._store.wake(urgent=self.spec.wait_s == 0)

    async def save(self, content: bytes) -> None:
        """Keep `content` instead, once that is safe on the disk. Cancelled, it is not kept.

        Raises:
            NotSavedError: If it is not safe; what was kept before is kept on.
        """
        asked = _Asked(content, self._wanted)
        try:
            await asyncio.to_thread(self._save, asked)
        except BaseException:
            with self._swap:
                asked.withdrawn = True
                if self._wanted is asked.content:
                    self._wanted = asked.before
            raise
        finally:
            self._store.wake()  # there may be something to write, or to try again

    def save_now(self, content: bytes) -> None:
        """Do what `save` does, before it returns.

        Thread: any.

        Raises:
            NotSavedError: If it is not safe; what was kept before is kept on.
        """
        try:
            self._save(_Asked(content, self._wanted))
        finally:
            self._store.wake()

    def write(self) -> None:
        """Write what is not on the disk yet.

        Thread: any.
        """
        with self._writing:
            content = self._wanted
            if self._safe is not content:
                failed = self._store.write(self.spec, content)
                self._safe = None if failed else content

    def _save(self, asked: "_Asked") -> None:
        if len(asked.content) > self.spec.most_bytes:
            raise NotSavedError(str(self.path), f"that is more than {self.spec.most_bytes} bytes")
        with self._writing:
            if asked.withdrawn:
                return
            failed = self._store.write(self.spec, asked.content)
            self._safe = None if failed else asked.content
            if failed:
                raise NotSavedError(str(self.path), reason_of(failed)) from failed
            with self._swap:
                if self._wanted is asked.before and not asked.withdrawn:
                    self._wanted = asked.content


@dataclass(slots=True)
class _Asked:
    content: bytes
    before: bytes
    withdrawn: bool = False


def read_as(
    path: Path, spec: FileSpec, decode: Callable[[bytes], Decoded]
) -> tuple[bytes, Decoded]:
    """Return the content of a file of ours, and what is made of it. Changes nothing.

    Raises:
        FileNotFoundError: If there is none.
        NotWholeError: If it cannot be read, or is not what was written there.
    """
    try:
        content = read_whole(path, spec.most_bytes)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise NotWholeError(f"it cannot be read ({reason_of(error)})") from error
    try:
        return content, decode(content)
    except Exception as error:
        # Whatever bytes do to a decoder, the start goes on. Its words may quote them.
        raise NotWholeError(f"its content makes no sense ({type(error).__name__})") from error


def reason_of(error: OSError) -> str:
    """Return why, in the words of the system."""
    return error.strerror or type(error).__name__


async def _set_within(event: asyncio.Event, seconds: float | None) -> None:
    """Return when `event` is set, or after so many seconds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
