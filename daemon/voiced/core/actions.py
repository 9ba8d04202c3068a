"""Everything voiced can do. Actions are orders: imperative, frozen, no behaviour."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from voiced.core.earcons import Earcon, Prompt


class Status(Enum):
    """What every indicator shows. One value at a time."""

    BOOTING = "booting"
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
    MICROPHONE_BUSY = "microphone-busy"
    MICROPHONE_STALLED = "microphone-stalled"
    MICROPHONE_SILENT = "microphone-silent"
    NO_SPEAKER = "no-speaker"
    SPEAKER_BUSY = "speaker-busy"
    SPEAKER_STALLED = "speaker-stalled"
    CONFIGURATION_ERROR = "configuration-error"
    STOPPING = "stopping"


@dataclass(frozen=True, slots=True)
class Pause:
    """A wait of random length, so that devices do not act in step."""

    least_s: float = 0.0
    most_s: float = 0.0


AT_ONCE = Pause()


@dataclass(frozen=True, slots=True)
class OpenLink:
    """Connect to the agent after a pause. Replaces any other attempt.

    Attributes:
        resume_key: Names the session to resume; None opens a new one.
        pause: How long to wait first.
        greet: Let the agent speak first, if it is set up to.
    """

    resume_key: str | None
    pause: Pause = AT_ONCE
    greet: bool = True


@dataclass(frozen=True, slots=True)
class HurryLink:
    """Attempt to connect now, unless the running attempt has already reached the agent."""

    resume_key: str | None
    greet: bool = True


@dataclass(frozen=True, slots=True)
class CloseLink:
    """End the agent's session, then hang up."""


@dataclass(frozen=True, slots=True)
class SetMicGate:
    """Let captured audio pass to the agent, or block it."""

    open: bool


@dataclass(frozen=True, slots=True)
class DropCaptured:
    """Discard captured audio that the agent has not received, except the newest `keep_s`."""

    keep_s: float = 0.0


@dataclass(frozen=True, slots=True)
class AcceptReply:
    """Play audio tagged `reply_id` from now on."""

    reply_id: str


@dataclass(frozen=True, slots=True)
class FinishReply:
    """No more audio of `reply_id` will come: report PlaybackDrained once it has been played."""

    reply_id: str


@dataclass(frozen=True, slots=True)
class DropPlayback:
    """Silence `reply_id` now (None: all replies): discard its queued audio, refuse what still arrives."""

    reply_id: str | None = None


@dataclass(frozen=True, slots=True)
class PlayEarcon:
    """Play a short local sound, then a spoken prompt, over whatever is playing.

    After a prompt, PromptEnded is reported.
    """

    earcon: Earcon
    prompt: Prompt | None = None


@dataclass(frozen=True, slots=True)
class Duck:
    """Lower the volume of the current reply, or restore it."""

    lowered: bool


@dataclass(frozen=True, slots=True)
class ChangeVolume:
    """Turn the volume up (positive) or down, in per cent of the whole range."""

    change: int


@dataclass(frozen=True, slots=True)
class CloseMicrophone:
    """Close or reopen the capture device, if the settings say that mute does so."""

    closed: bool


@dataclass(frozen=True, slots=True)
class RunTool:
    """Start a tool; its result arrives as ToolReturned."""

    call_id: str
    name: str
    arguments: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ReturnTool:
    """Send a tool's result to the agent."""

    call_id: str
    result: str = field(repr=False)
    is_error: bool


@dataclass(frozen=True, slots=True)
class Announce:
    """Have the agent say something now."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CancelTools:
    """Cancel every running tool; its result is no longer needed."""


@dataclass(frozen=True, slots=True)
class SettleAlarm:
    """Forget an alarm that rang: it was announced, silenced, or rang for its full time."""

    alarm_id: str


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Deliver TimerFired(name) later. Restarts the timer if it runs."""

    name: str
    after_s: float


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """Cancel the timer, if it runs."""

    name: str


@dataclass(frozen=True, slots=True)
class TellLeaving:
    """Make every privacy light show whether sound may leave the device."""

    leaving: bool


@dataclass(frozen=True, slots=True)
class Show:
    """Show the status on every indicator."""

    status: Status


AgentAction = OpenLink | HurryLink | CloseLink | Announce | RunTool | ReturnTool | CancelTools
"""Actions for the link and the tools."""

DeviceAction = StartTimer | CancelTimer | TellLeaving | Show | SettleAlarm
"""Actions for indicators, timers and alarms."""

Action = (
    AgentAction
    | DeviceAction
    | SetMicGate
    | DropCaptured
    | AcceptReply
    | FinishReply
    | DropPlayback
    | PlayEarcon
    | Duck
    | ChangeVolume
    | CloseMicrophone
)
