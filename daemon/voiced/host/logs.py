"""The log: the journal with its fields where systemd keeps it, else standard error."""

import logging
import os
import sys
from collections.abc import Callable
from importlib import import_module

from voiced.config.environment import variable
from voiced.core.actions import Status

log = logging.getLogger(__name__)

FIELDS = ("VOICED_STATUS", "SESSION_ID")
"""What a log record may carry besides its message; given as `extra`."""

Send = Callable[..., object]

_PRIORITIES = ((logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
_DEBUG = 7


def start_log(level: str) -> None:
    """Keep every log line of at least `level`: in the journal, or on standard error."""
    handler: logging.Handler
    if goes_to_journal():
        handler = JournalHandler(import_module("systemd.journal").send)
        handler.setFormatter(logging.Formatter("%(message)s"))
    else:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
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
