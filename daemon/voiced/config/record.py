"""What a device keeps of its settings: the last good ones, those on trial, and those that failed. Pure.

Only what is in force at the next start belongs here. Texts hold no secrets, only references to them.
"""

import hashlib
from typing import Literal

import msgspec
from msgspec.structs import replace

MOST_STARTS = 3
"""How often the process may start anew within one trial: a crash each."""

REMEMBERED_FAILURES = 20


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
    revision: int | None = None
    taken_at: float = 0.0

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
    revision: int | None
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
        public_key: Whose signatures all this carried; None if none was asked for.
    """

    version: Literal[1] = 1
    settings_file: str = ""
    local: tuple[Text, ...] = ()
    good: Sent | None = None
    trial: Sent | None = None
    starts: int = 0
    ill: tuple[str, ...] = ()
    failed: tuple[Failed, ...] = ()
    highest: int | None = None
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


def decode(content: bytes) -> Record | None:
    """Return the record in `content`, or None if there is none."""
    try:
        return msgspec.json.decode(content, type=Record)
    except msgspec.DecodeError:
        return None


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
            return f"it was tried before and taken back: {each.reason}"
    if record.highest is None:
        return None
    if sent.revision is None:
        return f"it has no revision, and revision {record.highest} was taken before"
    if sent.revision < record.highest:
        return f"revision {sent.revision} is older than {record.highest}, which was taken before"
    return None


def propose(record: Record, sent: Sent, ill: tuple[str, ...] = ()) -> Record:
    """Return the record in which `sent` is tried, though something is `ill` already."""
    known = [each for each in (record.highest, sent.revision) if each is not None]
    return replace(record, trial=sent, starts=0, ill=ill, highest=max(known, default=None))


def keep(record: Record) -> Record:
    """Return the record in which what was tried is good."""
    return replace(record, good=record.trial, trial=None, starts=0)


def forget_trial(record: Record) -> Record:
    """Return the record in which nothing is tried, because nobody wants it any more."""
    return replace(record, trial=None, starts=0)


def take_back(record: Record, reason: str) -> Record:
    """Return the record in which what was tried has failed."""
    if record.trial is None:
        return record
    failed = Failed(record.trial.digest, record.trial.revision, reason)
    kept = (*record.failed, failed)[-REMEMBERED_FAILURES:]
    return replace(record, trial=None, starts=0, failed=kept)


def started(record: Record) -> Record:
    """Return the record after one more start of the process."""
    if record.trial is None:
        return record
    if record.starts + 1 >= MOST_STARTS:
        return take_back(record, f"the daemon did not survive it: started {MOST_STARTS} times")
    return replace(record, starts=record.starts + 1)


def stopped(record: Record) -> Record:
    """Return the record after the process has stopped in good order."""
    return replace(record, starts=0)
