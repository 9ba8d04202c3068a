"""The store: the only writer of the state that survives a restart.

A failed write is reported, and tried again until it succeeds. `save` is for what must not be lost: it
confirms only what is safe on the disk. `put` is for the rest: it is written as soon as possible.
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
LAST_S = 2.0  # for the last write: the process promises to end within 3 s

# Rate limit of collected writes: constant changes would wear out the SD card.
AT_ONCE, THEN_EVERY_S = 32, 20.0

Decoded = TypeVar("Decoded")


@dataclass(frozen=True, slots=True)
class DiskReport:
    """The state of the disk of the state folder.

    Attributes:
        failing: Something could not be written.
        reason: Why, in the words of the system.
        since: Since when, ISO 8601 in UTC.
        unwritten: The files that wait to be written.
        failed_writes: Failed writes since the start.
        set_aside: Broken files found since the start, by their new names.
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
        folder: The folder. It need not exist.
        system: The system calls to use.
        backoff: When to try again.

    Attributes:
        on_recovery: Called on the loop when everything is written after a failure.
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
        self._report_lock = Lock()  # never held while the disk is waited for
        self._changed, self._urgent = asyncio.Event(), asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._may_write = TokenBucket(AT_ONCE, THEN_EVERY_S)

    def open(self, spec: FileSpec) -> "StoredFile":
        """Return the file; the same object each time."""
        if spec.name not in self._files:
            self._files[spec.name] = StoredFile(self, spec)
        return self._files[spec.name]

    @property
    def report(self) -> DiskReport:
        """The state of the disk."""
        with self._report_lock:
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
        """Write what is put, and retry what failed, until cancelled; then write a last time."""
        self._loop = loop = asyncio.get_running_loop()
        failures, was_failing = 0, False
        try:
            while True:
                pause_s = self._backoff.pause_s(failures, uniform) if self._failing else None
                await _wait_for(self._changed, pause_s)
                if self._changed.is_set() and not self._urgent.is_set():
                    await self._collect(loop.time, pause_s)
                # Cleared before writing: what is put meanwhile sets them again.
                self._changed.clear()
                self._urgent.clear()
                await asyncio.to_thread(self.flush)  # a slow disk must not block the sound
                is_failing = bool(self._failing)
                failures = failures + 1 if is_failing else 0
                if was_failing and not is_failing:
                    self.on_recovery()
                was_failing = is_failing
        finally:
            self._loop = None
            self.close()

    def close(self) -> None:
        """Write everything a last time; wait at most `LAST_S`, as a disk may hang."""
        with suppress(TimeoutError):
            on_thread("disk", self.flush).result(LAST_S)

    def flush(self) -> None:
        """Write everything that is not on the disk yet. Thread: any."""
        for file in [*self._files.values()]:
            file.write()

    def wake(self, *, urgent: bool = True) -> None:
        """Wake up `run`. Thread: any."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended, and `run` has written everything
                self._loop.call_soon_threadsafe(self._wake, urgent)
        else:
            self._wake(urgent)

    def _wake(self, urgent: bool) -> None:  # noqa: FBT001 - `call_soon_threadsafe` passes no names
        self._changed.set()
        if urgent:
            self._urgent.set()

    async def _collect(self, now_s: Callable[[], float], most_s: float | None) -> None:
        """Wait to collect more changes: longer, the more often they come. Something urgent ends the wait."""
        wait_s = max(file.spec.wait_s for file in self._files.values())
        with suppress(TimeoutError):
            async with asyncio.timeout(most_s):
                await _wait_for(self._urgent, wait_s)
                while not self._urgent.is_set() and (left_s := self._may_write.take(now_s())):
                    await _wait_for(self._urgent, max(wait_s, left_s))

    def write(self, spec: FileSpec, content: bytes) -> OSError | None:
        """Write a file; return the error if it is not safe on the disk.

        Thread: any, but one at a time for each file.
        """
        path = self.folder / spec.name
        try:
            replace_file(path, content, MODE, self._system)
        except OSError as error:
            with self._report_lock:
                self._note_failure(path, error)
            return error
        with self._report_lock:
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
        """Rename a broken file, and log that; return whether it could be renamed."""
        path = self.folder / spec.name
        try:
            aside = set_aside(path, self._system)
        except OSError as error:
            log.error(  # noqa: TRY400 - a traceback would add nothing
                "%s: is damaged: %s; %s are lost, and it cannot be set aside: %s",
                *(path, why, spec.holds, reason_of(error)),
            )
            return False
        log.error("%s: is damaged: %s; %s are lost; see %s", path, why, spec.holds, aside.name)
        self._set_aside.append(aside.name)
        return True


class StoredFile:
    """One file of the store.

    What is safe is compared by identity: the same content put a second time is another object, so
    that it is written again.

    Attributes:
        spec: Its specification.
    """

    def __init__(self, store: StateStore, spec: FileSpec) -> None:
        self.spec = spec
        self._store = store
        self._wanted = spec.empty
        self._safe: bytes | None = spec.empty  # None: the content of the disk is unknown
        self._disk_lock = Lock()  # held during disk access
        self._content_lock = Lock()  # never held during disk access, so that `put` does not block

    @property
    def path(self) -> Path:
        """Its path."""
        return self._store.folder / self.spec.name

    @property
    def is_safe(self) -> bool:
        """Whether all of it is on the disk."""
        return self._safe is self._wanted

    @property
    def exists(self) -> bool:
        """Whether the file is there, or waits to be written."""
        return self._wanted is not self.spec.empty or os.path.lexists(self.path)

    def read(self, decode: Callable[[bytes], Decoded]) -> Decoded | None:
        """Return the decoded content, or None if there is none. A broken file is renamed and logged.

        Thread: any.

        Args:
            decode: Decodes the bytes; any error of it means that the file is broken.
        """
        if not self.is_safe or not self._disk_lock.acquire(blocking=False):
            # The disk has older content, or is being written: what is in memory counts.
            return None if self._wanted is self.spec.empty else decode(self._wanted)
        try:
            return self._read(decode)
        finally:
            self._disk_lock.release()

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
        with self._content_lock:
            if self._wanted is before:
                self._wanted = content
            self._safe = safe
        return found

    def put(self, content: bytes) -> None:
        """Replace the content; it is written as soon as possible. Never blocks, never fails."""
        with self._content_lock:
            if content == self._wanted:
                return
            self._wanted = content
        self._store.wake(urgent=self.spec.wait_s == 0)

    def rewrite(self) -> None:
        """Write the content once more, to find out whether the disk can be written."""
        self._safe = None
        self._store.wake(urgent=self.spec.wait_s == 0)

    async def save(self, content: bytes) -> None:
        """Replace the content once that is safe on the disk. If cancelled, it is not replaced.

        Raises:
            NotSavedError: If it is not safe; the content is unchanged.
        """
        asked = _Asked(content, self._wanted)
        try:
            await asyncio.to_thread(self._save, asked)
        except BaseException:
            with self._content_lock:
                asked.withdrawn = True
                if self._wanted is asked.content:
                    self._wanted = asked.before
            raise
        finally:
            self._store.wake()  # to write what was put meanwhile, or to try again

    def save_now(self, content: bytes) -> None:
        """Do the same as `save`, but block until it is done. Thread: any.

        Raises:
            NotSavedError: If it is not safe; the content is unchanged.
        """
        try:
            self._save(_Asked(content, self._wanted))
        finally:
            self._store.wake()

    def write(self) -> None:
        """Write the content unless it is on the disk. Thread: any."""
        with self._disk_lock:
            content = self._wanted
            if self._safe is not content:
                failed = self._store.write(self.spec, content)
                self._safe = None if failed else content

    def _save(self, asked: "_Asked") -> None:
        if len(asked.content) > self.spec.most_bytes:
            raise NotSavedError(str(self.path), f"that is more than {self.spec.most_bytes} bytes")
        with self._disk_lock:
            if asked.withdrawn:
                return
            failed = self._store.write(self.spec, asked.content)
            self._safe = None if failed else asked.content
            if failed:
                raise NotSavedError(str(self.path), reason_of(failed)) from failed
            with self._content_lock:
                # Unless it was cancelled, or something newer was put while this was written.
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
    """Return the content of a state file, raw and decoded. Changes nothing.

    Raises:
        FileNotFoundError: If there is none.
        NotWholeError: If it cannot be read or decoded.
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
        # Any error: a broken file must not stop the start. Its text is dropped, as it may quote secrets.
        raise NotWholeError(f"its content makes no sense ({type(error).__name__})") from error


def reason_of(error: OSError) -> str:
    """Return the text of an error, in the words of the system."""
    return error.strerror or type(error).__name__


async def _wait_for(event: asyncio.Event, seconds: float | None) -> None:
    """Wait until `event` is set, or for `seconds` at most."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
