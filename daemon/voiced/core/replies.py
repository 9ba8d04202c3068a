"""Rules for turns and replies: who speaks, what is heard and what is silenced."""

from dataclasses import replace
from typing import Any

from voiced.core import actions as act
from voiced.core import events as ev
from voiced.core import outage
from voiced.core.earcons import Earcon
from voiced.core.events import Event
from voiced.core.state import AWAKE, Conversation, Phase, Policy, Step, forget

HEARD: dict[str, Any] = {"hushed": False, "hush_pending": False, "silenced": None}
"""The fields of a conversation in which no reply is silenced."""


def turn_begins(now: Conversation, _event: Event, _policy: Policy) -> Step:
    """Begin the user's turn; this ends a hush."""
    return replace(now, phase=Phase.HEARING, user_speaking=True, **HEARD), ()


def turn_ends(now: Conversation, _event: Event, _policy: Policy) -> Step:
    """End the user's turn, as the agent decided."""
    after = replace(_take_turn(now), phase=Phase.THINKING, user_speaking=False)
    return replace(after, **HEARD), ()


def speaks_over(now: Conversation, event: Event, _policy: Policy) -> Step:
    """Note that the user speaks during a reply, which is not yet an interruption."""
    begins = isinstance(event, ev.SpeechStarted)
    return replace(now if begins else _take_turn(now), user_speaking=begins), ()


def _take_turn(now: Conversation) -> Conversation:
    """Record a turn of the user; the tools now running belong to an older one."""
    return replace(now, turned=True, older_tools=now.tools, tool_answered=False)


def reply_begins(now: Conversation, event: ev.ReplyStarted, _policy: Policy) -> Step:
    """Play the reply, unless it answers a turn that the user silenced.

    A reply to a newer turn plays at once: the rest of an older reply, which may have arrived faster than
    it plays, is dropped. Replies of one turn play one after another.
    """
    if now.hushed:
        return replace(now, hush_pending=True, silenced=event.reply_id), ()
    after = replace(
        now,
        phase=Phase.SPEAKING,
        reply_id=event.reply_id,
        cut_reply=None,
        turned=now.turned and now.tool_answered,
        tool_answered=False,
        spoken=True,
        answered=now.answered or now.spoken or now.turned or not now.unattended,
        parting=now.leaving,
    )
    left = now.reply_id is not None or now.cut_reply is not None
    outdated = left and now.turned and not now.tool_answered
    return after, (*([act.DropPlayback()] if outdated else []), act.AcceptReply(event.reply_id))


def reply_ends(now: Conversation, event: ev.ReplyDone, _policy: Policy) -> Step:
    """Play the rest of the reply, or silence it if the user barged in."""
    if event.reply_id != now.reply_id:
        after, _ = silenced_ends(now, event, _policy)
        return after, (act.DropPlayback(event.reply_id),) if event.interrupted else ()
    if not event.interrupted:
        return now, (act.FinishReply(event.reply_id),)
    after = _to_listening(replace(now, tools=frozenset()))
    return after, (act.DropPlayback(event.reply_id), act.CancelTools())


def silenced_ends(now: Conversation, event: ev.ReplyDone, _policy: Policy) -> Step:
    """End a hush if the silenced reply has ended."""
    if event.reply_id != now.silenced:
        return now, ()
    waits = now.phase is Phase.THINKING and not now.tools
    phase = Phase.LISTENING if waits else now.phase
    return replace(now, phase=phase, hush_pending=False, silenced=None), ()


def drained(now: Conversation, event: ev.PlaybackDrained, policy: Policy) -> Step:
    """Choose the next phase after a reply has been played."""
    if event.reply_id != now.reply_id:
        return now, ()  # that was an earlier reply; this one continues
    if now.parting:
        return sleep(now, event, policy)
    return _to_listening(now), ()


def rest_heard(now: Conversation, event: ev.PlaybackDrained, _policy: Policy) -> Step:
    """Note that the rest of an earlier reply has been played."""
    cut_reply = None if event.reply_id == now.cut_reply else now.cut_reply
    return replace(now, cut_reply=cut_reply), ()


def hush(now: Conversation, _event: Event, _policy: Policy) -> Step:
    """Silence the reply or, before it begins, all replies of its turn."""
    early = now.phase is Phase.THINKING
    after = _to_listening(replace(now, tools=frozenset()))
    after = replace(after, hushed=early, hush_pending=early)
    return after, (act.DropPlayback(), act.CancelTools())


def interrupt(now: Conversation, event: ev.Woken, policy: Policy) -> Step:
    """Silence the reply for a wake source that interrupts."""
    return hush(now, event, policy) if event.interrupts else (now, ())


def gives_up(now: Conversation, event: ev.TimerFired, policy: Policy) -> Step:
    """Listen again, because the agent did not continue what it began."""
    if now.parting:
        return sleep(now, event, policy)
    again = act.StartTimer("silence", policy.silence_limit_s)  # the next phase may need it too
    if now.cut_reply is not None:
        after, dropped = outage.drop_rest(now)
        return after, (*dropped, again)
    dropped = () if now.reply_id is None else (act.DropPlayback(now.reply_id),)
    cancelled = (act.CancelTools(),) if now.tools else ()
    after = replace(now, tools=frozenset(), user_speaking=False, announcing="")
    return _to_listening(after), (*dropped, *cancelled, again)


def sleep(now: Conversation, _event: Event, _policy: Policy) -> Step:
    """End the conversation, audibly if the agent was listening."""
    earcon = (act.PlayEarcon(Earcon.END),) if now.phase in AWAKE else ()
    return forget(now), (act.DropPlayback(), act.CancelTools(), act.CloseLink(), *earcon)


def _to_listening(now: Conversation) -> Conversation:
    """Return the conversation in the phase that follows a reply."""
    phase = Phase.LISTENING
    if now.user_speaking:
        phase = Phase.HEARING
    elif now.tools:
        phase = Phase.THINKING
    return replace(now, phase=phase, reply_id=None)
