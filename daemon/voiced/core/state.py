"""Where a conversation is, and what follows from that alone."""

from dataclasses import dataclass
from enum import Enum

from voiced.core.actions import Status


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
        turn_limit_s: Longest turn of the user before we take it for noise.
        reply_limit_s: Longest reply before we take the agent for stuck.
        tools_limit_s: Longest wait for tools and the reply that follows them.
        parting_limit_s: Longest wait for the agent's parting words.
        retry_delays_s: Wait before each reconnection; the last one repeats.
        busy_delay_s: Shortest wait when the agent has no room.
        barge_in: Whether the user may interrupt a reply by speaking.
    """

    idle_timeout_s: float | None = 30.0
    turn_limit_s: float = 120.0
    reply_limit_s: float = 600.0
    tools_limit_s: float = 300.0
    parting_limit_s: float = 8.0
    retry_delays_s: tuple[float, ...] = (0.0, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
    busy_delay_s: float = 10.0
    barge_in: bool = True


@dataclass(frozen=True, slots=True)
class Conversation:
    """Everything the machine remembers between events.

    Attributes:
        phase: Where we are.
        muted: The user switched the microphone off.
        microphone: A capture device is there.
        speaker: A playback device is there.
        offline: The last attempt to reach the agent failed.
        refused: The agent refused us; only the owner can help.
        resume_key: Reopens the agent's session after a lost link.
        attempts: Links lost since the agent was last ready.
        reply_id: The reply being heard.
        user_speaking: The agent hears the user, whatever we are doing.
        hushed: The user silenced a reply that had not begun.
        tools: Calls whose results are owed.
        leaving: The conversation ends after the next reply.
        parting: That reply has begun.
    """

    phase: Phase = Phase.ASLEEP
    muted: bool = False
    microphone: bool = True
    speaker: bool = True
    offline: bool = False
    refused: bool = False
    resume_key: str | None = None
    attempts: int = 0
    reply_id: str | None = None
    user_speaking: bool = False
    hushed: bool = False
    tools: frozenset[str] = frozenset()
    leaving: bool = False
    parting: bool = False


AWAKE = (Phase.LISTENING, Phase.HEARING, Phase.THINKING, Phase.SPEAKING)
"""The phases in which the agent is there."""


def mic_gate_open(conversation: Conversation, policy: Policy) -> bool:
    """Tell whether captured audio may leave the device, now or as soon as the link is ready."""
    if conversation.muted:
        return False
    if conversation.phase is Phase.SPEAKING:
        return policy.barge_in
    return conversation.phase in (Phase.CONNECTING, *AWAKE)


def status_of(conversation: Conversation) -> Status:
    """Reduce a conversation to the one thing an indicator can show, the gravest first."""
    reasons = (
        (conversation.phase is Phase.STOPPED, Status.STOPPING),
        (not conversation.microphone, Status.NO_MICROPHONE),
        (not conversation.speaker, Status.NO_SPEAKER),
        (conversation.refused, Status.REJECTED),
        (conversation.offline, Status.OFFLINE),
        (conversation.muted, Status.MUTED),
    )
    for holds, status in reasons:
        if holds:
            return status
    return Status(conversation.phase.value)


def patience_s(conversation: Conversation, policy: Policy) -> float | None:
    """Tell how long nothing may happen before the conversation is given up."""
    if conversation.leaving and conversation.phase in (Phase.LISTENING, Phase.THINKING):
        return policy.parting_limit_s
    if conversation.phase is Phase.THINKING and conversation.tools:
        return policy.tools_limit_s
    return {
        Phase.LISTENING: policy.idle_timeout_s,
        Phase.THINKING: policy.idle_timeout_s,
        Phase.HEARING: policy.turn_limit_s,
        Phase.SPEAKING: policy.reply_limit_s,
    }.get(conversation.phase)
