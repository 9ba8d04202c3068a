"""The log: the systemd journal with its fields, or standard error."""

import logging
import math
import os
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

from voiced.core.actions import Status
from voiced.lib.environment import variable
from voiced.lib.printable import shown

log = logging.getLogger(__name__)

FIELDS = ("VOICED_STATUS", "SESSION_ID")
"""Journal fields that a log record may carry, passed as `extra`."""

LIBRARY_EVERY_S = 60.0

OUR_BURST, OUR_EVERY_S = 300, 0.5
"""OUR_BURST lines of one statement in a row, then one every OUR_EVERY_S: no conversation logs more."""

OUR_DEBUG_EVERY_S = 0.0625
"""The same for debug lines: a settings server may switch them on, so they need a limit too."""

Send = Callable[..., object]

# Levels of syslog(3), which journald uses.
_PRIORITIES = ((logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
_DEBUG = 7


def start_log(level: str) -> None:
    """Log everything from `level` on to the journal, or to standard error."""
    handler: logging.Handler
    if goes_to_journal():
        handler = JournalHandler(import_module("systemd.journal").send)
        handler.setFormatter(SafeFormatter("%(message)s"))
    else:
        handler = logging.StreamHandler()
        handler.setFormatter(SafeFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.addFilter(RateLimit())
    logging.basicConfig(level=level.upper(), handlers=[handler])


def set_level(level: str) -> None:
    """Log everything from `level` on, from now on."""
    logging.getLogger().setLevel(level.upper())


def goes_to_journal() -> bool:
    """Tell whether standard error goes to the journal, not to a terminal or a file (systemd.exec(5))."""
    stream = variable("JOURNAL_STREAM")
    if stream is None:
        return False
    try:
        found = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return stream == f"{found.st_dev}:{found.st_ino}"


class SafeFormatter(logging.Formatter):
    """Escapes foreign text, so that it cannot end a line or control the terminal that shows it."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - as the library calls it
        """Return the line of a record."""
        return shown(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - as above
        """Return the lines of an exception, indented: foreign text in it could look like a line of ours."""
        return "\n".join(f"  {shown(line)}" for line in super().formatException(ei).split("\n"))


class RateLimit:
    """Limits how often one log statement writes a line.

    Input from the network can make a library, or asyncio for it, complain each time, and an agent can cause any
    number of status and tool lines: neither may fill the journal. A statement of a library gets one line a minute.
    Ours get enough for any normal conversation.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[tuple[str, str, int, int], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether to keep a record; one that is kept says how many were dropped before it."""
        burst, every_s = 1, LIBRARY_EVERY_S
        if record.name.partition(".")[0] == "voiced":
            burst = OUR_BURST
            every_s = OUR_DEBUG_EVERY_S if record.levelno < logging.INFO else OUR_EVERY_S
        source = (record.name, record.pathname, record.lineno, record.levelno)
        now_s, (due_s, n_held) = self._clock(), self._seen.get(source, (-math.inf, 0))
        if now_s < due_s - (burst - 1) * every_s:
            self._seen[source] = (due_s, n_held + 1)
            return False
        self._seen[source] = (max(now_s, due_s) + every_s, 0)
        if n_held:
            record.msg, record.args = f"{record.getMessage()} (and {n_held} like it before)", ()
        return True


class JournalHandler(logging.Handler):
    """Sends log records to the journal, with the fields in `FIELDS` and no others."""

    def __init__(self, send: Send) -> None:
        super().__init__()
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record."""
        fields = {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        try:
            self._send(
                self.format(record),
                PRIORITY=next(
                    (each for least, each in _PRIORITIES if record.levelno >= least), _DEBUG
                ),
                SYSLOG_IDENTIFIER="voiced",
                LOGGER=record.name,
                CODE_FILE=record.pathname,
                CODE_LINE=record.lineno,
                CODE_FUNC=record.funcName,
                **fields,
            )
        except Exception:  # noqa: BLE001 - as the library's own handlers do
            self.handleError(record)


class StatusLog:
    """Shows the status in the log."""

    def show(self, status: Status) -> None:
        log.info("status: %s", status.value, extra={"VOICED_STATUS": status.value})
