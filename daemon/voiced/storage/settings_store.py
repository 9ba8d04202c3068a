"""The record of the settings, in one file of the store."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from voiced.config.history import (
    Record,
    decode,
    encode,
    forget_trial,
    started,
    stopped,
    without_local,
)
from voiced.errors import NotSavedError
from voiced.storage.atomic_file import NotWholeError
from voiced.storage.state_files import SETTINGS
from voiced.storage.state_store import StateStore, read_as

log = logging.getLogger(__name__)


class RecordFile:
    """Keeps the record of the settings.

    Args:
        store: Keeps the file.
        settings_file: The settings file in use; a record about another one is ignored.

    Attributes:
        store: Keeps the file.
        record: The record, saved or about to be.
    """

    def __init__(self, store: StateStore, settings_file: Path) -> None:
        self.store = store
        self._file = store.open(SETTINGS)
        self._turn = asyncio.Lock()
        self.record = _about(settings_file, self._file.read(decode))

    @property
    def is_safe(self) -> bool:
        """Whether all of it is on the disk."""
        return self._file.is_safe

    def put(self, record: Record) -> None:
        """Replace the record; it is written as soon as possible."""
        self.record = record
        self._file.put(_encode(record))

    async def change(self, change: Callable[[Record], Record]) -> None:
        """Replace the record by what `change` returns for it, once that is safe on the disk.

        Raises:
            NotSavedError: If it is not safe; the record is unchanged.
        """
        async with self._turn:
            while True:  # again if `put` has replaced the record while this was being saved
                before = self.record
                wanted = change(before)
                await self._file.save(_encode(wanted))
                if self.record is before:
                    self.record = wanted
                    return

    def begin(self, at: float) -> None:
        """Record the start of the process, `at` seconds since 1970. Call it before `run` of the store.

        If this cannot be saved, settings on trial are dropped: they could never be rolled back.
        """
        counted = started(self.record, at)
        if counted is self.record:
            return
        try:
            self._file.save_now(_encode(counted))
        except NotSavedError as error:
            if counted.trial is not None:
                log.warning(
                    "settings from a server are not tried, because they could not be reverted: %s",
                    error,
                )
            self.put(forget_trial(counted))
        else:
            self.record = counted

    def end(self) -> None:
        """Record that the process has stopped cleanly."""
        self.put(stopped(self.record))


def last_record(folder: Path, settings_file: Path) -> Record:
    """Return the record in a state folder, an empty one if it is about another file. Changes nothing."""
    path, found = folder / SETTINGS.name, None
    try:
        _, found = read_as(path, SETTINGS, decode)
    except FileNotFoundError:
        pass
    except NotWholeError as error:
        log.warning("%s: is ignored: %s", path, error)
    return _about(settings_file, found)


def _about(settings_file: Path, found: Record | None) -> Record:
    name = str(settings_file)
    return (
        found if found is not None and found.settings_file == name else Record(settings_file=name)
    )


def _encode(record: Record) -> bytes:
    content = encode(record)
    # The last good local files may be large, but they are elsewhere on the disk too; the rest is not.
    return content if len(content) <= SETTINGS.most_bytes else encode(without_local(record))
