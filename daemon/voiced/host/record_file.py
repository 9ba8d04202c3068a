"""What is kept of the settings, in one small file that is always whole."""

import asyncio
import logging
from pathlib import Path

from voiced.config.record import Record, decode, encode
from voiced.host.memory import replace_file

log = logging.getLogger(__name__)

FILE_NAME = "settings.json"


class RecordFile:
    """Keeps the record. Fills `Chore`.

    Args:
        folder: Where the file is.
        settings_file: Whose settings it is about; what is kept of another one's does not count.

    Attributes:
        record: What is kept, or about to be.
    """

    def __init__(self, folder: Path, settings_file: Path) -> None:
        self._path = folder / FILE_NAME
        fresh = Record(settings_file=str(settings_file))
        found = self._read() or fresh
        self.record = self._written = found if found.settings_file == fresh.settings_file else fresh
        self._changed = asyncio.Event()
        self._settled = asyncio.Event()

    def put(self, record: Record) -> None:
        """Keep `record` instead; `settle` tells when it is on the disk."""
        self.record = record
        self._settled.clear()
        self._changed.set()

    async def settle(self) -> None:
        """Return when what is kept is on the disk, or cannot be written there."""
        if self.record != self._written:
            await self._settled.wait()

    async def run(self) -> None:
        """Write what is put, beside the loop: a disk may take long, and sound must not wait."""
        try:
            while True:
                await self._changed.wait()
                self._changed.clear()
                record = self.record
                await asyncio.to_thread(self._save, record)
                if self.record is record:
                    self._settled.set()
        finally:
            self._save(self.record)

    def write(self, record: Record) -> None:
        """Keep `record` instead, on the disk before this returns. Only while `run` does not."""
        self.record = record
        self._save(record)

    def _save(self, record: Record) -> None:
        """Write the file; without a disk that can be written to, tell of it.

        Thread: any.
        """
        if record == self._written:
            return
        try:
            replace_file(self._path, encode(record))
        except OSError as error:
            log.error("%s: cannot be written: %s", self._path, error.strerror)  # noqa: TRY400 - it says it all
        self._written = record

    def _read(self) -> Record | None:
        try:
            found = decode(self._path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            log.warning("%s: cannot be read: %s", self._path, error.strerror)
            return None
        if found is None:
            log.warning("%s: is not what was written there; beginning anew", self._path)
        return found
