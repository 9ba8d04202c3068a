"""The log: the journal with its fields where systemd keeps it, else standard error."""

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
"""What a log record may carry besides its message; given as `extra`."""

LIBRARY_EVERY_S = 60.0

OUR_BURST, OUR_EVERY_S = 300, 0.5
"""So many lines of one source of ours in a row, then one in so many seconds: no talk is that lively."""

OUR_DEBUG_EVERY_S = 0.0625
"""Of those for looking into something. A settings server may ask for them: they have a bound too."""

Send = Callable[..., object]

_PRIORITIES = ((logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
_DEBUG = 7


def start_log(level: str) -> None:
    """Keep every log line of at least `level`: in the journal, or on standard error."""
    handler: logging.Handler
    if goes_to_journal():
        handler = JournalHandler(import_module("systemd.journal").send)
        handler.setFormatter(SafeFormatter("%(message)s"))
    else:
        handler = logging.StreamHandler()
        handler.setFormatter(SafeFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.addFilter(Sparing())
    logging.basicConfig(level=level.upper(), handlers=[handler])


def set_level(level: str) -> None:
    """Keep every log line of at least `level` from now on."""
    logging.getLogger().setLevel(level.upper())


def goes_to_journal() -> bool:
    """Tell whether standard error is a stream of the journal, and not of a terminal or a file."""
    stream = variable("JOURNAL_STREAM")
    if stream is None:
        return False
    try:
        found = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return stream == f"{found.st_dev}:{found.st_ino}"


class SafeFormatter(logging.Formatter):
    """Keeps what others said from ending a line, and from steering the terminal that shows it."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - as the library calls it
        """Return the line of a record."""
        return shown(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - as above
        """Return the lines of an exception, set in: its text may be foreign, and look like ours."""
        return "\n".join(f"  {shown(line)}" for line in super().formatException(ei).split("\n"))


class Sparing:
    """Lets only so many lines of one source through.

    What strangers send may have a library complain each time, or asyncio on its behalf, and an agent can have
    us tell of as many statuses and calls as it likes: that must not fill the journal. A library's source is
    let through once a minute; ours are as sparing as they have to be, unless somebody does it on purpose.

    Args:
        clock: Tells the time, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[tuple[str, str, int, int], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a record is to be kept; it then says how many were not."""
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
    """Sends log records to the journal with those fields that are meant for it, and no others."""

    def __init__(self, send: Send) -> None:
        super().__init__()
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record."""
        fields = {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        try:
            self._send(
                self.format(record),
                PRIORITY=_priority(record.levelno),
                SYSLOG_IDENTIFIER="voiced",
                LOGGER=record.name,
                CODE_FILE=record.pathname,
                CODE_LINE=record.lineno,
                CODE_FUNC=record.funcName,
                **fields,
            )
        except Exception:  # noqa: BLE001 - as the library's own handlers do
            self.handleError(record)


def _priority(level: int) -> int:
    return next((number for least, number in _PRIORITIES if level >= least), _DEBUG)


class StatusLog:
    """Shows the status in the log."""

    def show(self, status: Status) -> None:
        log.info("status: %s", status.value, extra={"VOICED_STATUS": status.value})
