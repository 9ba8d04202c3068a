"""Checks of the settings that a server has sent."""

from collections.abc import Iterator
from datetime import UTC, datetime

from voiced.assembly.factory import catalogue
from voiced.config.history import Record
from voiced.config.load import Examined
from voiced.config.resolve import choose, name_of
from voiced.config.schema import Settings
from voiced.doctor.finding import Finding, ok, skip, warn
from voiced.errors import ConfigError


def effective(examined: Examined, record: Record, draft: Settings) -> Settings:
    """Return the settings that the daemon uses, by its record; else `draft`, those in the file."""
    try:
        return choose(examined, record, catalogue()).best.settings
    except ConfigError:
        return draft


def check_remote(settings: Settings, record: Record) -> Iterator[Finding]:
    """Yield which settings of a server are in use, and which were rolled back."""
    if settings.remote is None:
        yield skip("remote", "no server is set")
        return
    sent = record.sent
    if sent is None:
        fix = "run `voiced reload --remote`, which asks it now and prints the reason"
        yield warn("remote", "the server has sent nothing that can be used", fix)
    else:
        taken = f"{datetime.fromtimestamp(sent.taken_at, UTC):%Y-%m-%d %H:%M}"
        state = "being tried" if record.trial is not None else "kept"
        yield ok("remote", f"{name_of(sent)}, taken {taken} UTC, is {state}")
    for failed in record.failed[-1:]:
        number = "" if failed.revision is None else f" {failed.revision}"
        if sent is None or sent.revision is None or (failed.revision or 0) > sent.revision:
            fix = "fix it on the server, and increase its revision"
            yield warn("remote", f"revision{number} was reverted: {failed.reason}", fix)
