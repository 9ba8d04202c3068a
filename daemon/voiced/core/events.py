"""Everything that can happen. Events are facts: past tense, frozen, no behaviour."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, get_args

from voiced.errors import SoundFault


@dataclass(frozen=True, slots=True)
class Woken:
    """Somebody asked for attention.

    Attributes:
        source: Who.
        unattended: No person is there to be answered when it fails.
        interrupts: They want to be heard now, even over a reply; else a conversation is all they want.
    """

    source: str
    unattended: bool = False
    interrupts: bool = False


@dataclass(frozen=True, slots=True)
class TalkPressed:
    """The talk button was pressed: what it means depends on the phase."""


@dataclass(frozen=True, slots=True)
class Hushed:
    """Somebody asked for silence."""


@dataclass(frozen=True, slots=True)
class EndRequested:
    """Somebody, or the agent by a tool, asked to end the conversation.

    Attributes:
        after_reply: Let the agent's parting words be heard first.
    """

    after_reply: bool = False


@dataclass(frozen=True, slots=True)
class AnnouncementRequested:
    """The agent is to say something of its own accord.

    Attributes:
        text: What, or about what: the agent finds the words.
    """

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AlarmRang:
    """A timer, an alarm or a reminder that was set earlier is due.

    Attributes:
        alarm_id: Which; SettleAlarm names it once something has come of it.
        text: What the agent is to do about it, in words for the agent.
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
    """Somebody pressed mute: what it means depends on whether it is muted."""


@dataclass(frozen=True, slots=True)
class TalkHeld:
    """The talk button of a hold-to-talk device was pressed, or let go."""

    held: bool


@dataclass(frozen=True, slots=True)
class VolumeStepped:
    """Somebody asked for more or less volume.

    Attributes:
        change: By how much, in per cent of the whole range.
    """

    change: int


@dataclass(frozen=True, slots=True)
class PromptEnded:
    """A spoken cause was heard out, or cannot be heard."""


@dataclass(frozen=True, slots=True)
class EchoFound:
    """The agent keeps being interrupted by its own voice."""


@dataclass(frozen=True, slots=True)
class MicrophoneChanged:
    """The capture device works, or does not: then `fault` says why."""

    fault: SoundFault | None = None


@dataclass(frozen=True, slots=True)
class SpeakerChanged:
    """The playback device works, or does not: then `fault` says why."""

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
    """Why a link was lost, as far as the next attempt cares."""

    BROKEN = "broken"
    BUSY = "busy"
    ENDED = "ended by the agent"
    MENDED = "mended"
    REJECTED = "rejected"
    SESSION_GONE = "session gone"


@dataclass(frozen=True, slots=True)
class LinkLost:
    """The link closed without being asked to, or could not be opened.

    Attributes:
        reason: One clear sentence without secrets.
        loss: What it means for the next attempt.
        wait_s: The least time before it.
        reached: There was a connection: the network of this device is not what fails.
    """

    reason: str
    loss: Loss = Loss.BROKEN
    wait_s: float = 0.0
    reached: bool = False


@dataclass(frozen=True, slots=True)
class NetworkBack:
    """A network connection of this device came up: what failed before may work now."""


@dataclass(frozen=True, slots=True)
class OwnerActed:
    """The owner changed the key or the settings: what was refused before may work now."""


@dataclass(frozen=True, slots=True)
class SettingsRead:
    """The settings were read again.

    Attributes:
        usable: They can be used; else the ones from before stay.
        renew: Some of them count only in a new session, and nobody ends the old one.
    """

    usable: bool = True
    renew: bool = False


@dataclass(frozen=True, slots=True)
class UpdateRefused:
    """The agent goes on, but not with the settings that it was sent."""


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """The agent ended the session in good order."""

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
    """A tool came to an end.

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
