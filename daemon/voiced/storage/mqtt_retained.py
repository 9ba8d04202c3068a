"""The topics at which a broker may hold retained messages of this device, for deletion later."""

from collections.abc import Collection
from typing import Annotated

import msgspec

from voiced.storage.state_files import BROKER
from voiced.storage.state_store import StateStore

MOST_TOPICS = 64
MOST_TOPIC_CHARS = 1024

_Topic = Annotated[
    str, msgspec.Meta(min_length=1, max_length=MOST_TOPIC_CHARS, pattern=r"^[^+#\x00]+$")
]


class _Kept(msgspec.Struct, frozen=True):
    """The content of the file: the broker, and the topics of retained messages."""

    host: str = ""
    port: int | None = None
    tls: bool = True
    topics: Annotated[tuple[_Topic, ...], msgspec.Meta(max_length=MOST_TOPICS)] = ()


def decode(content: bytes) -> _Kept:
    """Return the content of the file.

    Raises:
        ValueError: If it is malformed.
    """
    return msgspec.json.decode(content, type=_Kept)


class BrokerTraces:
    """Remembers the topics of the latest broker.

    Args:
        store: Keeps the file.
    """

    def __init__(self, store: StateStore) -> None:
        self._file = store.open(BROKER)
        self._kept = self._file.read(decode) or _Kept()

    def left_at(self, host: str, port: int | None, *, tls: bool) -> frozenset[str]:
        """Return the topics at which this broker may have retained messages of this device."""
        kept = self._kept
        is_there = (kept.host, kept.port, kept.tls) == (host, port, tls)
        return frozenset(kept.topics if is_there else ())

    def note(self, host: str, port: int | None, topics: Collection[str], *, tls: bool) -> None:
        """Remember the topics at which this broker may have retained messages now."""
        kept = _Kept(host, port, tls, tuple(sorted(topics)[:MOST_TOPICS]))
        if kept != self._kept:
            self._kept = kept
            self._file.put(msgspec.json.encode(kept) + b"\n")
