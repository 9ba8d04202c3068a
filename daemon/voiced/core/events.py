"""Everything that can happen. Events are facts: past tense, frozen, no behaviour."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, get_args

from voiced.errors import SoundFault


@dataclass(frozen=True, slots=True)
class Woken:
    """A wake source asked for a conversation.

    Attributes:
        source: Which one.
        unattended: No person is waiting, so a failure is not spoken.
        interrupts: It also silences a current reply.
    """

    source: str
    unattended: bool = False
    interrupts: bool = False


@dataclass(frozen=True, slots=True)
class TalkPressed:
    """The talk button was pressed: what it means depends on the phase."""


@dataclass(frozen=True, slots=True)
class Hushed:
    """The user silenced the agent by hand."""


@dataclass(frozen=True, slots=True)
class EndRequested:
    """The user, or the agent through a tool, asked to end the conversation.

    Attributes:
        after_reply: Play the agent's farewell first.
    """

    after_reply: bool = False


@dataclass(frozen=True, slots=True)
class AnnouncementRequested:
    """The agent is to say something unprompted.

    Attributes:
        text: What to say, or its topic; the agent chooses the words.
    """

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AlarmRang:
    """A timer, an alarm or a reminder that was set earlier is due.

    Attributes:
        alarm_id: Which one; SettleAlarm names it when it is done.
        text: Instructions for the agent.
    """

    alarm_id: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class StopRequested:
    """The process was asked to stop."""


@dataclass(frozen=True, slots=True)
class MuteChanged:
    """The microphone mute was switched."""

    muted: bool


@dataclass(frozen=True, slots=True)
class MuteToggled:
    """The mute button was pressed: mute, or unmute if muted."""


@dataclass(frozen=True, slots=True)
class TalkHeld:
    """The talk button of a hold-to-talk device was pressed or released."""

    held: bool


@dataclass(frozen=True, slots=True)
class VolumeStepped:
    """The user asked to change the volume, in per cent of the whole range."""

    change: int


@dataclass(frozen=True, slots=True)
class PromptEnded:
    """A spoken prompt ended, or could not be played."""


@dataclass(frozen=True, slots=True)
class EchoFound:
    """The agent keeps being interrupted by its own voice."""


@dataclass(frozen=True, slots=True)
class MicrophoneChanged:
    """The capture device works (no `fault`) or has failed."""

    fault: SoundFault | None = None


@dataclass(frozen=True, slots=True)
class SpeakerChanged:
    """The playback device works (no `fault`) or has failed."""

    fault: SoundFault | None = None


@dataclass(frozen=True, slots=True)
class AgentReady:
    """The agent accepts audio.

    Attributes:
        resume_key: Opaque key that reopens this session after a lost link,
            or None if the agent cannot resume.
        lifetime_s: How long the agent will keep the session; None if it does not say.
    """

    resume_key: str | None
    lifetime_s: float | None = None


class Loss(Enum):
    """Why a link was lost, as far as it matters to the next attempt.

    UNREACHED: nobody answered, not even to say no, so the attempt cost the agent nothing.
    """

    BROKEN = "broken"
    BUSY = "busy"
    ENDED = "ended by the agent"
    MENDED = "mended"
    REJECTED = "rejected"
    SESSION_GONE = "session gone"
    UNREACHED = "unreached"


@dataclass(frozen=True, slots=True)
class LinkLost:
    """The link closed unexpectedly, or could not be opened.

    Attributes:
        reason: One clear sentence without secrets.
        loss: What it means for the next attempt.
        wait_s: The shortest wait before it.
        reached: There was a connection, so this device's network is not the cause.
    """

    reason: str
    loss: Loss = Loss.BROKEN
    wait_s: float = 0.0
    reached: bool = False


@dataclass(frozen=True, slots=True)
class NetworkBack:
    """A network connection of this device came up: an attempt may succeed now."""


@dataclass(frozen=True, slots=True)
class OwnerActed:
    """The owner changed the key or the settings: the agent may accept us now."""


@dataclass(frozen=True, slots=True)
class SettingsRead:
    """The settings were read again.

    Attributes:
        usable: They are valid; otherwise the previous ones stay in force.
        renew: Some apply only to a new session, so the current one must be replaced.
    """

    usable: bool = True
    renew: bool = False


@dataclass(frozen=True, slots=True)
class UpdateRefused:
    """The agent refused new settings and continues with the previous ones."""


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """The agent ended the session normally."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The agent heard the user begin to speak. Not barge-in: see ReplyDone."""


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """The agent decided the user's turn ended (endpointing)."""


@dataclass(frozen=True, slots=True)
class ReplyStarted:
    """The agent began a reply."""

    reply_id: str


@dataclass(frozen=True, slots=True)
class ReplyDone:
    """The agent sent the last audio of a reply.

    Attributes:
        reply_id: Which reply.
        interrupted: The user barged in; what is still queued must not be heard.
    """

    reply_id: str
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class ReplyHeard:
    """The first audible frame of a reply left the speaker."""

    reply_id: str


@dataclass(frozen=True, slots=True)
class PlaybackDrained:
    """The last frame of a finished reply left the speaker."""

    reply_id: str


@dataclass(frozen=True, slots=True)
class ToolCalled:
    """The agent wants a tool run on this device."""

    call_id: str
    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class ToolReturned:
    """A tool finished.

    Attributes:
        call_id: The call this answers.
        result: JSON text.
        is_error: The tool failed; `result` says why in words the agent can use.
    """

    call_id: str
    result: str = field(repr=False)
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class TimerFired:
    """A timer started by a StartTimer action ran out."""

    name: str


Event = (
    Woken
    | TalkPressed
    | Hushed
    | EndRequested
    | AnnouncementRequested
    | AlarmRang
    | StopRequested
    | MuteChanged
    | MuteToggled
    | TalkHeld
    | VolumeStepped
    | PromptEnded
    | EchoFound
    | MicrophoneChanged
    | SpeakerChanged
    | AgentReady
    | LinkLost
    | NetworkBack
    | OwnerActed
    | SettingsRead
    | UpdateRefused
    | SessionEnded
    | SpeechStarted
    | SpeechStopped
    | ReplyStarted
    | ReplyDone
    | ReplyHeard
    | PlaybackDrained
    | ToolCalled
    | ToolReturned
    | TimerFired
)

EVERY_EVENT: frozenset[type[Event]] = frozenset(get_args(Event))
