"""What a server has sent: what counts of it, and what became of the rest."""

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
    """Return the settings that the daemon runs by, or `draft` if that cannot be told.

    Args:
        examined: What became of the device's own files.
        record: What the daemon keeps of earlier settings.
        draft: What they say.
    """
    try:
        return choose(examined, record, catalogue()).best.settings
    except ConfigError:
        return draft


def check_remote(settings: Settings, record: Record) -> Iterator[Finding]:
    """Tell what counts of what a server has sent, and what was taken back."""
    if settings.remote is None:
        yield skip("remote", "no server is set")
        return
    sent = record.sent
    if sent is None:
        fix = "`voiced reload --remote` asks it now, and says why not"
        yield warn("remote", "the server has sent nothing that can be used", fix)
    else:
        taken = f"{datetime.fromtimestamp(sent.taken_at, UTC):%Y-%m-%d %H:%M}"
        state = "being tried" if record.trial is not None else "kept"
        yield ok("remote", f"{name_of(sent)}, taken {taken} UTC, is {state}")
    for failed in record.failed[-1:]:
        number = "" if failed.revision is None else f" {failed.revision}"
        if sent is None or sent.revision is None or (failed.revision or 0) > sent.revision:
            fix = "mend it on the server, and count its revision up"
            yield warn("remote", f"revision{number} was taken back: {failed.reason}", fix)
