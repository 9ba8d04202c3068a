"""The event log: what happened and when, for tests and benchmarks.

Entries hold no transcript, no audio, no key and no token.
"""

import json
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

KEPT_ENTRIES = 200_000

Entry = dict[str, Any]


class EventLog:
    """Keeps entries in memory and, when given a path, appends each to a file at once.

    Every entry has `t` (seconds on CLOCK_MONOTONIC, comparable with `time.monotonic()` of any
    process on the machine), `wall` (UTC) and `event`.
    """

    def __init__(self, clock: Callable[[], float], path: Path | None = None) -> None:
        self._clock = clock
        self._entries: deque[Entry] = deque(maxlen=KEPT_ENTRIES)
        self._file = path.open("a", encoding="utf-8", buffering=1) if path else None

    def add(self, event: str, **fields: Any) -> None:
        """Add an entry with the present time."""
        entry = {
            "t": round(self._clock(), 6),
            "wall": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "event": event,
            **fields,
        }
        self._entries.append(entry)
        if self._file:
            self._file.write(json.dumps(entry) + "\n")

    def find(self, event: str, **fields: Any) -> list[Entry]:
        """Return the entries called `event` whose fields equal those given, oldest first."""
        return [
            entry
            for entry in self._entries
            if entry["event"] == event
            and all(entry.get(name) == value for name, value in fields.items())
        ]

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def close(self) -> None:
        """Close the file; idempotent."""
        if self._file:
            self._file.close()
