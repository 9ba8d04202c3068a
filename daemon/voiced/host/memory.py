"""What outlives the process: the volume and the mute, in one small file.

The file is replaced as a whole, and only once the new one is on the disk, so whenever the power goes
there is an old one or a new one. Changes within `WAIT_S` are written together: an SD card wears out.
"""

import asyncio
import json
import logging
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock

from voiced.ports import Remembered

log = logging.getLogger(__name__)

WAIT_S = 0.5
FILE_NAME = "state.json"
FULL_VOLUME = 100

_one_at_a_time = Lock()


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is in the file.

    Attributes:
        volume: Loudness, 0 to 100.
        muted: The microphone was switched off.
        configured_volume: What the settings said about the volume then: the latest word counts.
    """

    volume: int
    muted: bool
    configured_volume: int


class StateFile:
    """Keeps what is remembered. Fills `Memory` and `Chore`.

    Args:
        folder: Where the file is.
        configured_volume: What the settings say.
    """

    def __init__(self, folder: Path, configured_volume: int) -> None:
        self._path = folder / FILE_NAME
        self._configured = configured_volume
        self._written = self._read()
        self._wanted = self._written
        self._changed = asyncio.Event()
        self._is_failing = False

    def recall(self) -> Remembered:
        return Remembered(self._wanted.volume, self._wanted.muted)

    def _read(self) -> _Kept:
        """Return what was remembered, or what the settings say."""
        found = _read(self._path)
        if found is None:
            return _Kept(self._configured, muted=False, configured_volume=self._configured)
        if found.configured_volume != self._configured:
            return _Kept(self._configured, found.muted, self._configured)
        return found

    def remember(self, volume: int, *, muted: bool) -> None:
        self._wanted = _Kept(volume, muted, self._configured)
        self._changed.set()

    async def run(self) -> None:
        try:
            while True:
                await self._changed.wait()
                await asyncio.sleep(WAIT_S)
                self._changed.clear()
                await self._write(self._wanted)
        finally:
            if self._wanted != self._written:
                self._attempt(self._wanted)

    async def _write(self, wanted: _Kept) -> None:
        if wanted != self._written:
            # A disk may take long, and the sound must not wait for it.
            await asyncio.to_thread(self._attempt, wanted)

    def _attempt(self, wanted: _Kept) -> None:
        try:
            replace_file(self._path, json.dumps(asdict(wanted)).encode() + b"\n")
        except OSError as error:
            if not self._is_failing:
                log.warning("%s: the volume cannot be remembered: %s", self._path, error.strerror)
            self._is_failing = True
        else:
            self._is_failing = False
            self._written = wanted


def replace_file(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Put `content` in the place of the file at `path`, all of it or nothing, whatever happens.

    Thread: any.

    Args:
        path: The file.
        content: What it is to hold.
        mode: Who may do what with it, as far as the umask agrees.

    Raises:
        OSError: If it cannot be written. What was there before is then still there.
    """
    with _one_at_a_time:
        _replace_file(path, content, mode)


def _replace_file(path: Path, content: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)  # whoever may read that must not read this
    with open(fresh, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _read(path: Path) -> _Kept | None:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    match content:
        case {"volume": int(volume), "muted": bool(muted), "configured_volume": int(configured)}:
            if all(0 <= percent <= FULL_VOLUME for percent in (volume, configured)):
                return _Kept(volume, muted, configured)
        case _:
            pass
    return None
