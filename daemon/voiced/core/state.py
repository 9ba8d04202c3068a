"""The state of a conversation, and what follows from it alone."""

from dataclasses import dataclass, field
from enum import Enum

from voiced.core.actions import Action, Status
from voiced.errors import SoundFault


class Phase(Enum):
    """Where in a conversation we are. Mute is not a phase; it crosses all of them."""

    ASLEEP = "asleep"
    CONNECTING = "connecting"
    LISTENING = "listening"
    HEARING = "hearing"
    THINKING = "thinking"
    SPEAKING = "speaking"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Policy:
    """The numbers the machine needs, copied from the configuration.

    Attributes:
        idle_timeout_s: Silence after which we hang up; None means never.
        turn_limit_s: Longest turn of the user before it counts as noise.
        silence_limit_s: How long the agent may show no progress on what it has begun; checked every second.
        tools_limit_s: Longest wait for tools and the reply that follows them.
        parting_limit_s: Longest wait for the agent's farewell.
        resume_window_s: How long after a drop the session may still be resumed.
        resume_delay_s: Wait before the second attempt to resume; doubles each time.
        resume_cap_s: The longest of these waits.
        retry_delay_s: Longest wait before the second attempt to open a new session; doubles each time.
        retry_cap_s: The longest of these waits.
        soon_least_s: Shortest wait before the next attempt after one that reached nobody.
        soon_most_s: Longest such wait.
        soon_tries: How many attempts of an outage come that soon.
        window_spread_s: Longest wait for a new session once the window has closed.
        ended_cap_s: Longest wait after consecutive sessions that did not hold.
        refused_delay_s: Wait after a refusal that only the owner can resolve.
        steady_s: How long a session must hold before the waits start over.
        answered_steady_s: The same, once the agent has answered a person in it.
        keep_for_fresh_s: How much captured sound a new session gets after a lost link.
        renew_early_s: How long before its end a session is replaced by a new one.
        quiet_s: Silence after which a session may be replaced.
        barge_in: Whether the user may interrupt a reply by speaking.
        echo_tail_s: How long the room echoes after a sound of the device.
        duck: Lower a reply while the user begins to speak over it.
        hold_to_talk: Sound leaves the device only while the talk button is held.
        announces: The agent can make announcements.
        alarm_wait_s: How long an alarm waits for the agent, and then for its first word.
        ring_every_s: From one ring of an alarm to the next, if the agent cannot say it.
        ring_for_s: How long it rings if no one reacts.
        alarm_listen_s: Silence after which we hang up, if we connected only for an alarm.
    """

    idle_timeout_s: float | None = 30.0
    turn_limit_s: float = 120.0
    silence_limit_s: float = 9.0
    tools_limit_s: float = 300.0
    parting_limit_s: float = 8.0
    resume_window_s: float = 25.0
    resume_delay_s: float = 0.25
    resume_cap_s: float = 5.0
    retry_delay_s: float = 1.0
    retry_cap_s: float = 60.0
    soon_least_s: float = 0.15
    soon_most_s: float = 0.25
    soon_tries: int = 50
    window_spread_s: float = 5.0
    ended_cap_s: float = 900.0
    refused_delay_s: float = 900.0
    steady_s: float = 60.0
    answered_steady_s: float = 10.0
    keep_for_fresh_s: float = 3.0
    renew_early_s: float = 300.0
    quiet_s: float = 10.0
    barge_in: bool = True
    echo_tail_s: float = 0.3
    duck: bool = False
    hold_to_talk: bool = False
    announces: bool = True
    alarm_wait_s: float = 5.0
    ring_every_s: float = 3.0
    ring_for_s: float = 60.0
    alarm_listen_s: float = 8.0


@dataclass(frozen=True, slots=True)
class DueAlarm:
    """An alarm that rang and is not settled; `text` holds the instructions for the agent."""

    alarm_id: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Conversation:
    """Everything the machine remembers between events.

    Attributes:
        phase: Where we are.
        muted: The user switched the microphone off.
        held: The talk button of a hold-to-talk device is held.
        microphone: The fault of the capture device, if any.
        speaker: The fault of the playback device, if any.
        half_duplex: The echo is too strong to listen during a reply.
        update_refused: The agent refused the settings it was last sent.
        misconfigured: The settings files are invalid; the previous settings stay in force.
        prompting: A spoken prompt is playing.
        echoing: The room may still echo a sound of the device.
        offline: The last attempt to reach the agent failed.
        refused: The agent refused us; only the owner can help.
        resume_key: Reopens the agent's session after a lost link.
        cause: Why the agent cannot be reached, in a sentence; empty while it can.
        failures: Links lost since the last steady one, or since a change that may help; without `soon_tries`.
        soon_tries: Attempts that reached nobody and were followed by another one soon.
        early_ends: Consecutive sessions that did not hold, and not by chance.
        young: The session is not steady yet.
        unattended: No person started the conversation, so no one awaits an answer.
        spoken: The agent has begun a reply in this session, perhaps only a greeting.
        answered: It has begun a reply to a person.
        reached: The last attempt reached the agent, which then failed.
        unwanted: The agent turns us away: only time helps, or the owner.
        greets: The next session may begin with the agent's greeting.
        cut_off: A link was lost since the agent was last ready.
        answer_owed: A person waits for the agent and has not heard yet why it is not there.
        told_offline: A person was told that the agent cannot be reached.
        renew_in_s: How long after it was ready the session should be replaced.
        stale: The session should be replaced in the next quiet moment.
        reply_id: The reply being heard.
        cut_reply: A reply cut short by a lost link; the part that arrived still plays.
        user_speaking: The agent hears the user, in whatever phase.
        hushed: The user silenced a turn before its reply began: none of its replies is heard.
        hush_pending: Such a reply has not ended, or not even begun.
        silenced: That reply, once it has begun.
        turned: The user has taken a turn since the newest reply began.
        older_tools: Calls made before the newest turn of the user.
        tool_answered: One of them has returned since then: the next reply may be about its result.
        tools: Calls that have not returned.
        announcements: Announcements that wait for the agent.
        announcing: The announcement it was asked to make and has not begun.
        announcing_alarm: The alarm that it is about, if any.
        alarms: Due alarms that are not settled.
        ringing: The device rings, because the agent does not announce them.
        brief: We connected only for an alarm, and no one has spoken since.
        leaving: The conversation ends after the next reply.
        parting: That last reply has begun.
    """

    phase: Phase = Phase.ASLEEP
    muted: bool = False
    held: bool = False
    microphone: SoundFault | None = None
    speaker: SoundFault | None = None
    half_duplex: bool = False
    update_refused: bool = False
    misconfigured: bool = False
    prompting: bool = False
    echoing: bool = False
    offline: bool = False
    refused: bool = False
    resume_key: str | None = None
    cause: str = ""
    failures: int = 0
    soon_tries: int = 0
    early_ends: int = 0
    young: bool = False
    unattended: bool = False
    spoken: bool = False
    answered: bool = False
    reached: bool = False
    unwanted: bool = False
    greets: bool = True
    cut_off: bool = False
    answer_owed: bool = False
    told_offline: bool = False
    renew_in_s: float | None = None
    stale: bool = False
    reply_id: str | None = None
    cut_reply: str | None = None
    user_speaking: bool = False
    hushed: bool = False
    hush_pending: bool = False
    silenced: str | None = None
    turned: bool = False
    older_tools: frozenset[str] = frozenset()
    tool_answered: bool = False
    tools: frozenset[str] = frozenset()
    announcements: tuple[str, ...] = field(default=(), repr=False)
    announcing: str = field(default="", repr=False)
    announcing_alarm: str = ""
    alarms: tuple[DueAlarm, ...] = ()
    ringing: bool = False
    brief: bool = False
    leaving: bool = False
    parting: bool = False


Step = tuple[Conversation, tuple[Action, ...]]
"""The next state of a conversation, and the actions to carry out."""

AWAKE = (Phase.LISTENING, Phase.HEARING, Phase.THINKING, Phase.SPEAKING)
"""The phases in which the agent is connected and ready."""


MICROPHONE_TROUBLES = {
    SoundFault.ABSENT: Status.NO_MICROPHONE,
    SoundFault.BUSY: Status.MICROPHONE_BUSY,
    SoundFault.STALLED: Status.MICROPHONE_STALLED,
    SoundFault.SILENT: Status.MICROPHONE_SILENT,
    SoundFault.HANGING: Status.NO_MICROPHONE,
}

SPEAKER_TROUBLES = {
    SoundFault.ABSENT: Status.NO_SPEAKER,
    SoundFault.BUSY: Status.SPEAKER_BUSY,
    SoundFault.STALLED: Status.SPEAKER_STALLED,
    SoundFault.SILENT: Status.SPEAKER_STALLED,
    SoundFault.HANGING: Status.NO_SPEAKER,
}


def status_of(conversation: Conversation) -> Status:
    """Reduce a conversation to the one status an indicator can show, the most serious first."""
    microphone, speaker = conversation.microphone, conversation.speaker
    if conversation.phase is Phase.STOPPED:
        return Status.STOPPING
    if microphone in MICROPHONE_TROUBLES:
        return MICROPHONE_TROUBLES[microphone]
    if speaker in SPEAKER_TROUBLES:
        return SPEAKER_TROUBLES[speaker]
    asleep = conversation.phase is Phase.ASLEEP
    reasons = (
        (conversation.refused, Status.REJECTED),
        (conversation.offline, Status.OFFLINE),
        (conversation.muted, Status.MUTED),
        (asleep and conversation.misconfigured, Status.CONFIGURATION_ERROR),
        (asleep and SoundFault.UNOPENED in (microphone, speaker), Status.BOOTING),
    )
    for holds, status in reasons:
        if holds:
            return status
    return Status(conversation.phase.value)


def timers(conversation: Conversation, policy: Policy) -> dict[str, float]:
    """Return the timers that run in this state, with their durations in seconds.

    A timer starts when its entry appears, `patience` with every phase again, and
    `silence` with every phase, reply and announcement.
    """
    awake = conversation.phase in AWAKE
    resuming = conversation.phase is Phase.CONNECTING and conversation.resume_key is not None
    steady_s = policy.answered_steady_s if conversation.answered else policy.steady_s
    running = {
        "patience": patience_s(conversation, policy),
        "silence": silence_s(conversation, policy),
        "resume window": policy.resume_window_s if resuming else None,
        "steady": steady_s if awake and conversation.young else None,
        "renewal": conversation.renew_in_s if awake and not conversation.stale else None,
        "echo": policy.echo_tail_s if conversation.echoing else None,
        "quiet": policy.quiet_s if conversation.stale and _is_quiet(conversation) else None,
        "hush": policy.silence_limit_s if conversation.hush_pending else None,
        **_alarm_timers(conversation, policy),
    }
    return {name: after_s for name, after_s in running.items() if after_s is not None}


def _alarm_timers(conversation: Conversation, policy: Policy) -> dict[str, float | None]:
    rings = conversation.ringing and conversation.phase is not Phase.STOPPED
    waits = bool(conversation.alarms) and not conversation.ringing
    reaching, answering = conversation.phase is Phase.CONNECTING, conversation.announcing_alarm
    return {
        "alarm reach": policy.alarm_wait_s if waits and reaching else None,
        "alarm reply": policy.alarm_wait_s if waits and answering else None,
        "ring": policy.ring_every_s if rings else None,
        "ring out": policy.ring_for_s if rings else None,
    }


def _is_quiet(conversation: Conversation) -> bool:
    return (
        conversation.phase is Phase.LISTENING
        and not conversation.leaving
        and conversation.cut_reply is None
    )


def patience_s(conversation: Conversation, policy: Policy) -> float | None:
    """Return how long nothing may happen before the conversation ends; None means no limit."""
    if conversation.leaving and conversation.phase in (Phase.LISTENING, Phase.THINKING):
        return policy.parting_limit_s
    if conversation.phase is Phase.THINKING and conversation.tools:
        return policy.tools_limit_s
    if conversation.phase is Phase.LISTENING and conversation.brief:
        return policy.alarm_listen_s
    return {
        Phase.LISTENING: policy.idle_timeout_s,
        Phase.THINKING: policy.idle_timeout_s,
        Phase.HEARING: policy.turn_limit_s,
    }.get(conversation.phase)


def silence_s(conversation: Conversation, policy: Policy) -> float | None:
    """Return how long the agent may show no progress on what it has begun; None means no limit.

    During a reply, or the rest of one, only sound counts as progress, received or played.
    """
    match conversation.phase:
        case Phase.SPEAKING:
            return policy.tools_limit_s if conversation.tools else policy.silence_limit_s
        case Phase.THINKING:
            begun = not conversation.tools
        case Phase.LISTENING:
            begun = bool(conversation.announcing) and not conversation.announcing_alarm
        case _:
            begun = conversation.phase is Phase.HEARING
    return policy.silence_limit_s if begun or conversation.cut_reply is not None else None


def forget(now: Conversation) -> Conversation:
    """Return a conversation that is asleep, with only the facts that outlive one."""
    return Conversation(
        muted=now.muted,
        held=now.held,
        microphone=now.microphone,
        speaker=now.speaker,
        half_duplex=now.half_duplex,
        misconfigured=now.misconfigured,
        prompting=now.prompting,
        echoing=now.echoing,
        early_ends=now.early_ends,
        alarms=now.alarms,
        ringing=now.ringing,
    )
