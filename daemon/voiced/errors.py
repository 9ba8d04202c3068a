"""Everything voiced can fail with, grouped by who must react.

* VoicedError
    * ConfigError            -- the operator edits a file; exit code 78
    * DeviceError            -- the devices adapter reopens; the daemon stays up and says so
    * DeviceStuck            -- nothing else helped: exit code 69, systemd starts us anew
    * LinkError              -- the runtime dials again, later each time
        * AgentBusy          -- the agent has no room now; the delays are longer
        * LinkRejected       -- credentials or configuration refused; only the owner can help
        * ResumeRefused      -- the old session is gone; forget its id and dial afresh
        * Redial             -- we learned what was wrong and mended it; dial again at once
        * Unreached          -- nobody answered, so another attempt costs nobody anything; dial again soon
    * WireError              -- the agent broke its own protocol; drop the link, dial afresh
    * PinError               -- a GPIO pin cannot be used; what needs it is started again later
    * ToolError              -- a tool failed; the agent is told and can say so
    * NotSavedError          -- the disk did not take it; nothing is confirmed or begun that builds on it
    * RequestRefused         -- a person or program asked for what cannot be done; it is told why
"""

from dataclasses import dataclass
from enum import Enum

LONGEST_GUESSED = 100
"""Characters of a word that may be a misspelt one."""


class VoicedError(Exception):
    """Base class for every error raised on purpose."""

    exit_code = 1


class ConfigError(VoicedError):
    """A setting is missing, unknown or out of range.

    Attributes:
        where: `file:line: key.path`, or as much of it as is known.
        problem: What is wrong, in one clause.
        hint: What to do about it, or an empty string.
    """

    exit_code = 78

    def __init__(self, where: str, problem: str, hint: str = "") -> None:
        super().__init__(where, problem, hint)
        self.where = where
        self.problem = problem
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}" + (f"; {self.hint}" if self.hint else "")


class NotSavedError(VoicedError):
    """Something is not safe on the disk.

    Attributes:
        path: The file.
        reason: Why, in the words of the system.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path} cannot be written: {self.reason}"


class RequestRefused(VoicedError):  # noqa: N818 - reads as what happened
    """What was asked for cannot be done; the text says why."""


class SoundFault(Enum):
    """What ails one direction of sound.

    UNOPENED is no fault: nobody knows yet. HANGING is the one that only a new process may end: a call into the
    driver does not return.
    """

    UNOPENED = "unopened"
    ABSENT = "absent"
    BUSY = "busy"
    STALLED = "stalled"
    SILENT = "silent"
    HANGING = "opening hangs"


class DeviceError(VoicedError):
    """A sound card could not be opened, disappeared, or stopped responding.

    Attributes:
        device: The name the configuration or the system gives it.
        problem: What happened.
        hint: What to do about it, or an empty string.
        fault: Which of the known troubles it is.
    """

    exit_code = 69

    def __init__(
        self, device: str, problem: str, hint: str = "", fault: SoundFault = SoundFault.ABSENT
    ) -> None:
        super().__init__(device, problem, hint)
        self.device = device
        self.problem = problem
        self.hint = hint
        self.fault = fault

    def __str__(self) -> str:
        return f"{self.device}: {self.problem}" + (f"; {self.hint}" if self.hint else "")


class DeviceStuck(VoicedError):  # noqa: N818 - reads as what happened
    """A device does not come back to life by anything that we can do; a new process may help.

    Attributes:
        device: The name the configuration or the system gives it.
        problem: What happened, and how often.
    """

    exit_code = 69

    def __init__(self, device: str, problem: str) -> None:
        super().__init__(device, problem)
        self.device = device
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.device}: {self.problem}"


class LinkError(VoicedError):
    """The connection to the agent failed; trying again may help.

    Attributes:
        reason: One clear clause without secrets, transcripts or addresses that hold tokens.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class AgentBusy(LinkError):  # noqa: N818 - reads as what happened
    """The agent has no room for us now.

    Attributes:
        wait_s: The least time to leave it alone.
    """

    def __init__(self, reason: str, wait_s: float = 10.0) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class LinkRejected(LinkError):  # noqa: N818 - reads as what happened
    """The agent refused our credentials or our configuration.

    Attributes:
        remedy: What the owner must do.
    """

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(reason)
        self.remedy = remedy

    def __str__(self) -> str:
        return self.reason + (f"; {self.remedy}" if self.remedy else "")


class ResumeRefused(LinkError):  # noqa: N818 - reads as what happened
    """The agent no longer knows the session we asked to resume."""


class Redial(LinkError):  # noqa: N818 - reads as what to do
    """The attempt failed for a reason we have already mended; dial again at once."""


class Unreached(LinkError):  # noqa: N818 - reads as what happened
    """No connection was made, and we know at once: it was refused, there is no route, or no name server.

    A connection that gets no answer at all is none of these: an attempt has waited for it long enough.
    """


class WireError(VoicedError):
    """The agent sent something its protocol does not allow and we cannot go on."""


class ToolError(VoicedError):
    """A tool could not do what the agent asked; the text is a sentence the agent can say."""


class NotAskedError(ToolError):
    """What should do it has not been told: nothing was done, and it may be asked again."""


@dataclass(frozen=True, slots=True)
class Guess:
    """A hint to what somebody meant. It takes work to find, which is done when it is turned into text.

    Attributes:
        word: What was written.
        known: What might have been meant.
        otherwise: What to say before all that is known, if nothing of it looks like the word; empty to say nothing.
        quote: What stands around a word.
    """

    word: object
    known: tuple[str, ...]
    otherwise: str = "choose one of"
    quote: str = ""

    def __str__(self) -> str:
        from difflib import get_close_matches  # only for files with mistakes

        near: list[str] = []
        if isinstance(self.word, str) and len(self.word) <= LONGEST_GUESSED:
            near = get_close_matches(self.word, self.known, n=1)
        if near:
            return f"did you mean {self.quote}{near[0]}{self.quote}?"
        return f"{self.otherwise} {', '.join(self.known)}" if self.otherwise else ""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a value, before it is known which file and line it came from.

    Attributes:
        path: Keys and list indexes from the root of the checked value.
        problem: What is wrong, in one clause.
        hint: What to do about it, or an empty string.
        where: File, line and key, where `path` alone does not tell them.
        here: The file is right; only this machine lacks something.
    """

    path: tuple[str | int, ...]
    problem: str
    hint: str | Guess = ""
    where: str = ""
    here: bool = False
