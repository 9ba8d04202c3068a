"""Volume and mute, kept across restarts in one small file."""

from typing import Annotated

import msgspec

from voiced.ports import Remembered
from voiced.storage.state_files import VOLUME
from voiced.storage.state_store import StateStore

FULL_VOLUME = 100

Percent = Annotated[int, msgspec.Meta(ge=0, le=FULL_VOLUME)]


class _Kept(msgspec.Struct, frozen=True):
    """The content of the file, and the volume of the settings then: if that changes, it wins."""

    volume: Percent
    muted: bool
    configured_volume: Percent


def decode(content: bytes) -> _Kept:
    """Return the content of the file.

    Raises:
        ValueError: If it is malformed.
    """
    return msgspec.json.decode(content, type=_Kept)


class StateFile:
    """Keeps volume and mute. Implements `Memory`.

    Args:
        store: Keeps the file.
        configured_volume: The volume in the settings.
    """

    def __init__(self, store: StateStore, configured_volume: int) -> None:
        self._file = store.open(VOLUME)
        self._configured = configured_volume
        self._kept = self._read()
        # Written at every start, so that a disk that cannot be written is known before anything is lost.
        self._file.put(_encode(self._kept))
        self._file.rewrite()

    def recall(self) -> Remembered:
        return Remembered(self._kept.volume, self._kept.muted)

    def _read(self) -> _Kept:
        """Return what was kept, or the values of the settings."""
        found = self._file.read(decode)
        if found is None:
            return _Kept(self._configured, muted=False, configured_volume=self._configured)
        if found.configured_volume != self._configured:
            return _Kept(self._configured, found.muted, self._configured)
        return found

    def remember(self, volume: int, *, muted: bool) -> None:
        self._kept = _Kept(volume, muted, self._configured)
        self._file.put(_encode(self._kept))


def _encode(kept: _Kept) -> bytes:
    return msgspec.json.encode(kept) + b"\n"
