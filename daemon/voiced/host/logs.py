"""The log: standard error, which systemd keeps."""

import logging

from voiced.core.actions import Status

log = logging.getLogger(__name__)


def log_to_stderr(level: str) -> None:
    """Send every log line of at least `level` to standard error."""
    logging.basicConfig(
        level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )


class StatusLog:
    """Shows the status in the log."""

    def show(self, status: Status) -> None:
        log.info("status: %s", status.value)
