"""Everything voiced can do. Actions are orders: imperative, frozen, no behaviour."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Status(Enum):
    """What every indicator shows. One value at a time."""

    ASLEEP = "asleep"
    CONNECTING = "connecting"
    LISTENING = "listening"
    HEARING = "hearing"
    THINKING = "thinking"
    SPEAKING = "speaking"
    MUTED = "muted"
    OFFLINE = "offline"
    REJECTED = "rejected"
    NO_MICROPHONE = "no-microphone"
    NO_SPEAKER = "no-speaker"
    STOPPING = "stopping"


@dataclass(frozen=True, slots=True)
class OpenLink:
    """Connect to the agent, resuming the session `resume_key` names if given."""

    resume_key: str | None
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class CloseLink:
    """End the agent's session, then hang up."""


@dataclass(frozen=True, slots=True)
class SetMicGate:
    """Let captured audio through to the agent, or not."""

    open: bool


@dataclass(frozen=True, slots=True)
class DropCaptured:
    """Forget captured audio that has not left the device yet."""


@dataclass(frozen=True, slots=True)
class AcceptReply:
    """Play audio tagged `reply_id` from now on."""

    reply_id: str


@dataclass(frozen=True, slots=True)
class FinishReply:
    """No more audio of `reply_id` will come: report PlaybackDrained once it was heard."""

    reply_id: str


@dataclass(frozen=True, slots=True)
class DropPlayback:
    """Silence `reply_id` now (all replies if None), forget what is queued, refuse what comes."""

    reply_id: str | None = None


@dataclass(frozen=True, slots=True)
class RunTool:
    """Start a tool; its outcome returns as ToolReturned."""

    call_id: str
    name: str
    arguments: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ReturnTool:
    """Hand a tool's outcome to the agent."""

    call_id: str
    result: str = field(repr=False)
    is_error: bool


@dataclass(frozen=True, slots=True)
class CancelTools:
    """Stop every running tool; nobody wants the results."""


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Deliver TimerFired(name) later. Restarts the timer if it runs."""

    name: str
    after_s: float


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """Forget the timer."""

    name: str


@dataclass(frozen=True, slots=True)
class Show:
    """Tell every indicator."""

    status: Status


AgentAction = OpenLink | CloseLink | RunTool | ReturnTool | CancelTools
"""What concerns the link and the tools."""

Action = (
    AgentAction
    | SetMicGate
    | DropCaptured
    | AcceptReply
    | FinishReply
    | DropPlayback
    | StartTimer
    | CancelTimer
    | Show
)
