"""The microphone's gate: whether sound may leave the device, and what it depends on."""

from voiced.core.state import AWAKE, Conversation, Phase, Policy
from voiced.errors import SoundFault


def mic_gate_open(conversation: Conversation, policy: Policy) -> bool:
    """Tell whether captured audio may leave the device, now or as soon as the link is ready."""
    if conversation.phase not in (Phase.CONNECTING, *AWAKE):
        return False
    if conversation.muted or conversation.refused:
        return False
    if policy.hold_to_talk and not conversation.held:
        return False
    if conversation.prompting:
        return False  # the agent must not hear a prompt as the user's words
    return may_barge_in(conversation, policy) or not (
        is_sounding(conversation) or conversation.echoing
    )


def sound_may_leave(conversation: Conversation, policy: Policy) -> bool:
    """Tell what a privacy light must show: whether speech reaches the agent, now or once it is ready."""
    captures = conversation.microphone in (None, SoundFault.UNOPENED, SoundFault.SILENT)
    return captures and mic_gate_open(conversation, policy)


def may_barge_in(conversation: Conversation, policy: Policy) -> bool:
    """Tell whether the agent may listen while it speaks."""
    return policy.barge_in and not conversation.half_duplex


def is_sounding(conversation: Conversation) -> bool:
    """Tell whether the device is speaking: a reply, or a prompt."""
    return (
        conversation.phase is Phase.SPEAKING
        or conversation.cut_reply is not None
        or conversation.prompting
    )


def is_ducked(conversation: Conversation, policy: Policy) -> bool:
    """Tell whether the reply should be lowered because the user seems to speak over it."""
    return policy.duck and conversation.phase is Phase.SPEAKING and conversation.user_speaking
