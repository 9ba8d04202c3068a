"""The agent's error codes and close codes, and who must react. assemblyai.md §6 and §7."""

from dataclasses import dataclass
from enum import Enum

from voiced.errors import AgentBusy, LinkError, LinkRejected, ResumeRefused


class Stage(Enum):
    """The progress of a link."""

    OPENING = "opening a session"
    RESUMING = "resuming a session"
    READY = "ready"


class Reaction(Enum):
    """Who must react to an error, and how."""

    SIGN_IN = "show another credential, else tell the owner"
    TELL_OWNER = "stop and tell the owner"
    CONFIGURE = "stop and tell the owner, unless the session is running"
    START_FRESH = "forget the session"
    WAIT = "come back later"
    RETRY = "back off and retry"
    RETRY_IF_CLOSED = "go on with a running session until the socket is closed, then as above"
    LOG = "go on"


BREAKDOWNS = (Reaction.RETRY, Reaction.RETRY_IF_CLOSED)  # the server is at fault


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the error table.

    Attributes:
        reaction: Who must react.
        remedy: What the owner can do.
        wait_s: The least time to wait, where that is the reaction.
    """

    reaction: Reaction
    remedy: str = ""
    wait_s: float = 10.0


ERRORS = {
    "unauthorized": Row(Reaction.SIGN_IN),
    "forbidden": Row(
        Reaction.TELL_OWNER,
        "the key is valid but not allowed to do this; check the account and agent.url",
    ),
    "session_not_found": Row(Reaction.START_FRESH),
    "session_forbidden": Row(Reaction.START_FRESH),
    "session_expired": Row(Reaction.START_FRESH),
    "agent_not_found": Row(
        Reaction.TELL_OWNER,
        "check agent.session.agent_id and that agent.url is in the agent's region",
    ),
    "agent_id_not_first": Row(Reaction.LOG),
    "immutable_field": Row(Reaction.LOG),
    "invalid_value": Row(Reaction.CONFIGURE, "correct agent.session"),
    "invalid_config": Row(Reaction.CONFIGURE, "correct agent.session"),
    "invalid_webhook": Row(Reaction.CONFIGURE, "correct agent.session.webhook"),
    "invalid_format": Row(Reaction.LOG),
    "invalid_audio": Row(Reaction.LOG),
    "audio_rate_violation": Row(Reaction.LOG),
    "at_capacity": Row(Reaction.WAIT),
    "concurrency_exceeded": Row(Reaction.WAIT, wait_s=30.0),
    "internal_error": Row(Reaction.RETRY),
    "server_error": Row(Reaction.RETRY_IF_CLOSED),
    "agent_init_failed": Row(Reaction.RETRY),
    "agent_timeout": Row(Reaction.RETRY),
}
_UNKNOWN = Row(Reaction.LOG)


@dataclass(frozen=True, slots=True)
class AgentError:
    """A `session.error`, its texts made safe.

    Attributes:
        code: In lower case, as servers differ.
        message: The agent's explanation.
        param: The setting it is about, or an empty string.
    """

    code: str
    message: str = ""
    param: str = ""

    @property
    def row(self) -> Row:
        """The row of the error table; unknown codes are harmless until the socket closes."""
        return ERRORS.get(self.code, _UNKNOWN)

    def __str__(self) -> str:
        about = f" at {self.param}" if self.param else ""
        message = f": {self.message}" if self.message else ""
        return f"{self.code or 'an error without a code'}{about}{message}"


def end_by_error(error: AgentError, stage: Stage, *, again: bool = False) -> LinkError | None:
    """Return how `error` ends the link, or None if the link goes on.

    Args:
        error: What the agent reported.
        stage: The progress of the link.
        again: The server failed in this session before.
    """
    reason = f"the agent reported {error}"
    match error.row.reaction:
        case Reaction.SIGN_IN | Reaction.TELL_OWNER:
            return LinkRejected(reason, error.row.remedy)
        case Reaction.CONFIGURE:
            if stage is Stage.RESUMING:  # only the session id was sent, so no setting can be wrong
                return ResumeRefused(reason)
            return LinkRejected(reason, error.row.remedy) if stage is Stage.OPENING else None
        case Reaction.START_FRESH:
            # With no session to forget, starting again at once could loop for ever.
            return LinkError(reason) if stage is Stage.OPENING else ResumeRefused(reason)
        case Reaction.WAIT:
            return AgentBusy(reason, error.row.wait_s)
        case Reaction.RETRY_IF_CLOSED if stage is Stage.READY:
            return None
        case Reaction.RETRY | Reaction.RETRY_IF_CLOSED:
            return broken_down(reason, stage, again=again)
        case _:
            return None


def broken_down(reason: str, stage: Stage, *, again: bool) -> LinkError:
    """Return how a server error ends the link. A session is resumed after the first one only."""
    gone = stage is Stage.RESUMING or (stage is Stage.READY and again)
    return ResumeRefused(reason) if gone else LinkError(reason)


class CloseCode:
    """WebSocket close codes with a meaning of their own here."""

    CLEAN = 1000
    POLICY = 1008
    SERVER_ERROR = 1011
    TRY_LATER = 1013


def end_by_close(
    code: int | None, reason: str, last: AgentError | None, stage: Stage, *, again: bool = False
) -> LinkError:
    """Return how a close other than a clean one ends the link.

    Args:
        code: The close code, or None if the connection was lost without one.
        reason: The close reason, made safe.
        last: The last error the agent reported on this link.
        stage: The progress of the link.
        again: The server failed in this session before.
    """
    if code is None:
        text = f"the connection was lost: {reason}" if reason else "the connection was lost"
    else:
        text = f"the agent closed the link ({code}{', ' if reason else ''}{reason})"
    if last is not None:
        text += f" after {last}"
    match code:
        case CloseCode.POLICY if last and last.row.reaction is Reaction.RETRY_IF_CLOSED:
            return broken_down(text, stage, again=again)
        case CloseCode.POLICY:
            return LinkRejected(text, "check agent.key and agent.session")
        case CloseCode.SERVER_ERROR:
            return broken_down(text, stage, again=again)
        case CloseCode.TRY_LATER:
            return AgentBusy(text)
        case _:
            return LinkError(text)
