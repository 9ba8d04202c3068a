"""What a device keeps of its settings: the last good ones, those on trial, and those that failed. Pure.

Only what is in force at the next start belongs here. Texts hold no secrets, only references to them.
"""

import hashlib
from typing import Annotated, Literal

import msgspec
from msgspec.structs import replace

MOST_STARTS = 3
"""How often the process may start anew within one trial: a crash each."""

REMEMBERED_FAILURES = 20

FIRST_WAIT_S, LONGEST_WAIT_S = 60.0 * 60, 24.0 * 60 * 60
"""How long nothing new is tried after a failure; twice as long after each more in a row, up to a day."""

Revision = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Count = Annotated[int, msgspec.Meta(ge=0, le=MOST_STARTS)]
UnixTime = Annotated[float, msgspec.Meta(ge=0.0, le=1e11)]


class Text(msgspec.Struct, frozen=True):
    """One local file.

    Attributes:
        name: Its path.
        text: All of it.
    """

    name: str
    text: str


class Sent(msgspec.Struct, frozen=True):
    """What a server sent.

    Attributes:
        text: All of it.
        revision: Its serial number, if it has one.
        taken_at: When it came, in seconds since 1970 by the device's clock.
    """

    text: str
    revision: Revision | None = None
    taken_at: UnixTime = 0.0

    @property
    def digest(self) -> str:
        """SHA-256 of the text."""
        return digest(self.text)


class Failed(msgspec.Struct, frozen=True):
    """What was tried and taken back.

    Attributes:
        digest: Of its text.
        revision: Its serial number, if it has one.
        reason: Why.
    """

    digest: str
    revision: Revision | None
    reason: str


class Record(msgspec.Struct, frozen=True):
    """All of it.

    Attributes:
        version: Of this layout.
        settings_file: Whose settings all this is about.
        local: The last good local files, the more important last.
        good: What the server sent and was found good.
        trial: What it sent and is being tried.
        starts: How often the process started within this trial.
        ill: What did not work before the trial already, as `Health` calls it.
        failed: What was taken back, the oldest first.
        highest: The highest serial number taken so far: lower ones are refused.
        highest_digest: Of the text that had it: another text needs another number.
        n_failed: How many trials have failed since the last one that did not.
        failed_at: When the last one failed, in seconds since 1970 by the device's clock; None
            when the wait is over.
        public_key: Whose signatures all this carried; None if none was asked for.
    """

    version: Literal[1] = 1
    settings_file: str = ""
    local: tuple[Text, ...] = ()
    good: Sent | None = None
    trial: Sent | None = None
    starts: Count = 0
    ill: tuple[str, ...] = ()
    failed: Annotated[tuple[Failed, ...], msgspec.Meta(max_length=REMEMBERED_FAILURES)] = ()
    highest: Revision | None = None
    highest_digest: str | None = None
    n_failed: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 0
    failed_at: UnixTime | None = None
    public_key: str | None = None

    @property
    def sent(self) -> Sent | None:
        """What counts now of what the server sent."""
        return self.trial or self.good


def digest(text: str) -> str:
    """Return the SHA-256 of `text` as hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def encode(record: Record) -> bytes:
    """Return `record` as JSON."""
    return msgspec.json.encode(record) + b"\n"


def decode(content: bytes) -> Record:
    """Return the record in `content`.

    Raises:
        ValueError: If there is none.
    """
    return msgspec.json.decode(content, type=Record)


def trusting(record: Record, public_key: str | None) -> Record:
    """Return `record` without what was sent under another public key."""
    if record.public_key == public_key:
        return record
    return Record(settings_file=record.settings_file, local=record.local, public_key=public_key)


def without_local(record: Record) -> Record:
    """Return `record` without the last good local files."""
    return replace(record, local=())


def refusal(record: Record, sent: Sent) -> str | None:
    """Tell why `sent` must not even be tried, or None."""
    for each in record.failed:
        if each.digest == sent.digest:
            return f"it was tried before and reverted: {each.reason}"
    if record.highest is None:
        return None
    if sent.revision is None:
        return f"it has no revision, and revision {record.highest} was taken before"
    if sent.revision < record.highest:
        return f"revision {sent.revision} is older than {record.highest}, which was taken before"
    if sent.revision == record.highest and sent.digest != _highest_digest(record):
        return f"revision {sent.revision} was used before with different content; increase it"
    return None


def _highest_digest(record: Record) -> str | None:
    if record.highest_digest is None and record.sent is not None:  # an older version wrote it
        return record.sent.digest if record.sent.revision == record.highest else None
    return record.highest_digest


def propose(record: Record, sent: Sent, ill: tuple[str, ...] = ()) -> Record:
    """Return the record in which `sent` is tried, though something is `ill` already.

    What takes the place of another trial inherits its crashes, and what was ill before that: a server
    that always sends something newer must not get more of them.
    """
    if record.trial is None:
        record = replace(record, starts=0, ill=ill)
    if sent.revision is not None and (record.highest is None or sent.revision >= record.highest):
        record = replace(record, highest=sent.revision, highest_digest=sent.digest)
    return replace(record, trial=sent)


def keep(record: Record) -> Record:
    """Return the record in which what was tried is good."""
    return replace(record, good=record.trial, trial=None, starts=0, n_failed=0, failed_at=None)


def forget_trial(record: Record) -> Record:
    """Return the record in which nothing is tried, because nobody wants it any more."""
    return replace(record, trial=None, starts=0)


def take_back(record: Record, reason: str, at: float) -> Record:
    """Return the record in which what was tried has failed.

    Args:
        record: With what is tried.
        reason: Why it has failed.
        at: When, in seconds since 1970.
    """
    if record.trial is None:
        return record
    failed = Failed(record.trial.digest, record.trial.revision, reason)
    kept = (*record.failed, failed)[-REMEMBERED_FAILURES:]
    return replace(
        record, trial=None, starts=0, failed=kept, n_failed=record.n_failed + 1, failed_at=at
    )


def wait_left_s(record: Record, now: float) -> float:
    """Return how long nothing new may be tried, at `now`, in seconds since 1970.

    A clock that was put back does not make it longer than it ever was.
    """
    if record.failed_at is None:
        return 0.0
    doublings = min(max(record.n_failed - 1, 0), 10)
    whole_s = min(FIRST_WAIT_S * 2.0**doublings, LONGEST_WAIT_S)
    return min(max(record.failed_at + whole_s - now, 0.0), whole_s)


def without_wait(record: Record) -> Record:
    """Return the record in which something new may be tried at once; another failure waits longer."""
    return replace(record, failed_at=None)


def started(record: Record, at: float) -> Record:
    """Return the record after one more start of the process, `at` seconds since 1970."""
    if record.trial is None:
        return record
    if record.starts + 1 >= MOST_STARTS:
        return take_back(record, f"the daemon did not survive it: started {MOST_STARTS} times", at)
    return replace(record, starts=record.starts + 1)


def stopped(record: Record) -> Record:
    """Return the record after the process has stopped in good order."""
    return replace(record, starts=0)
