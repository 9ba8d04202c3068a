"""Rules for a lost link: when to try again, and what to tell the user meanwhile."""

from dataclasses import replace

from voiced.core import actions as act
from voiced.core import events as ev
from voiced.core.actions import Action
from voiced.core.announcements import unsaid
from voiced.core.earcons import Earcon, Prompt
from voiced.core.events import Event, Loss
from voiced.core.reconnect_delay import is_tried_soon, pause_before_next, pause_soon
from voiced.core.state import Conversation, Phase, Policy, Step, forget

ENDED_BY_AGENT = (Loss.ENDED, Loss.BUSY, Loss.SESSION_GONE)
"""The network works, but the agent does not continue."""

_FAILED = (Loss.BROKEN, Loss.BUSY, Loss.ENDED, Loss.UNREACHED)
"""An attempt that ends like this has failed."""

_BREAKS_EXCUSED = 2
"""Consecutive links that may break by chance; after more, the agent itself may be at fault."""

_ENGAGED = (Phase.HEARING, Phase.THINKING, Phase.SPEAKING)
"""Phases in which a person waits for the agent to continue."""


def lost(now: Conversation, event: ev.LinkLost, policy: Policy) -> Step:
    """Reconnect as soon as possible; the part of a reply that has arrived is still played."""
    cut_short = (*hear_out(now), act.CancelTools())
    nothing_waits = now.brief and not (now.alarms or unsaid(now))
    if now.leaving or nothing_waits:
        return forget(now), (*cut_short, act.CloseLink())
    was_trying = now.phase is Phase.CONNECTING
    early = _is_early(now, event)
    early_ends = now.early_ends + early
    in_a_row = early and early_ends > 1
    # A session that keeps ending is not resumed: it would only end again.
    gone = in_a_row or event.loss in (Loss.REJECTED, Loss.SESSION_GONE, Loss.ENDED)
    key = None if gone or policy.resume_window_s <= 0 else now.resume_key
    soon = is_tried_soon(now.soon_tries, event, policy, early_ends)
    after = replace(
        forget(now),
        phase=Phase.CONNECTING,
        offline=now.offline or (was_trying and event.loss in _FAILED) or in_a_row,
        refused=now.refused or event.loss is Loss.REJECTED,
        resume_key=key,
        cause=event.reason,
        failures=now.failures + (not soon),
        soon_tries=now.soon_tries + soon,
        early_ends=early_ends,
        reached=event.reached,
        unwanted=event.loss in (Loss.BUSY, Loss.ENDED)
        or (in_a_row and event.loss is Loss.SESSION_GONE),
        greets=now.greets,
        unattended=now.unattended,
        spoken=now.spoken,
        answered=now.answered,
        cut_off=True,
        answer_owed=now.answer_owed or now.phase in _ENGAGED or _is_missed(now, event),
        told_offline=now.told_offline,
        cut_reply=now.reply_id or now.cut_reply,
        announcements=unsaid(now),
        brief=now.brief,
    )
    after, answer = _answer(after)
    pause = (
        pause_soon(policy)
        if soon
        else pause_before_next(now.failures, key, event, policy, early_ends)
    )
    return after, (*cut_short, *answer, act.OpenLink(key, pause, greet=now.greets))


def turned_away(now: Conversation, event: ev.SessionEnded, policy: Policy) -> Step:
    """Treat a session that ended before it was ready as a lost link."""
    return lost(now, _ended(event), policy)


def session_ended(now: Conversation, event: ev.SessionEnded, policy: Policy) -> Step:
    """End the conversation, unless the agent keeps ending sessions early: then reconnect.

    The first early end does not count, nor does one after an answer: it may have been a short conversation.
    """
    early = now.young and not now.leaving and not now.answered
    if early and now.early_ends:
        return lost(now, _ended(event), policy)
    after = replace(forget(now), early_ends=int(early))
    return after, (*hear_out(now), act.CancelTools(), act.CloseLink(), act.PlayEarcon(Earcon.END))


def _is_early(now: Conversation, event: ev.LinkLost) -> bool:
    """Tell whether the agent was reached but the session did not hold, and not by chance."""
    trying = now.phase is Phase.CONNECTING
    if event.loss is Loss.BROKEN:
        reached = event.reached if trying else now.young
        return reached and now.failures >= _BREAKS_EXCUSED
    return event.loss is Loss.ENDED if trying else now.young and event.loss in ENDED_BY_AGENT


def _is_missed(now: Conversation, event: ev.LinkLost) -> bool:
    """Tell whether a person has just seen the agent connect and leave."""
    came = event.loss is Loss.ENDED and now.phase is not Phase.CONNECTING
    return came and not now.unattended and not now.brief


def _ended(event: ev.SessionEnded) -> ev.LinkLost:
    why = f": {event.reason}" if event.reason else ""
    return ev.LinkLost(f"the agent ended the session{why}", Loss.ENDED)


def window_closes(now: Conversation, event: ev.TimerFired, policy: Policy) -> Step:
    """Open a new session: the agent has forgotten the old one by now."""
    if event.name == "silence":
        return drop_rest(now)
    if event.name != "resume window" or now.resume_key is None:
        return now, ()
    pause = act.Pause(0.0, policy.window_spread_s)
    return replace(now, resume_key=None, failures=1), (act.OpenLink(None, pause, greet=now.greets),)


def drop_rest(now: Conversation) -> Step:
    """Drop the rest of a reply that is not being played."""
    return replace(now, cut_reply=None), (act.DropPlayback(now.cut_reply),)


def insist(now: Conversation, event: Event) -> Step:
    """Tell a person why the agent is not there, and try again at once."""
    after, answer = _answer(replace(now, answer_owed=is_by_person(event)))
    return after, (*answer, act.HurryLink(now.resume_key, greet=now.greets))


def hurry(now: Conversation, event: Event, _policy: Policy) -> Step:
    """Try at once, because a change may help; a network does not help where it was not the cause."""
    owner = isinstance(event, ev.OwnerActed)
    if (now.refused or now.unwanted) and not owner:
        return now, ()
    after = now if now.reached and not owner else replace(now, failures=0, soon_tries=0)
    return after, (act.HurryLink(now.resume_key, greet=now.greets),)


def _answer(now: Conversation) -> Step:
    """Tell the person who woke us, once, why nothing happens."""
    if not now.answer_owed or not (now.offline or now.refused):
        return now, ()
    after = replace(now, answer_owed=False, prompting=True)
    if now.refused:
        return after, (act.PlayEarcon(Earcon.ERROR, Prompt.REJECTED),)
    return replace(after, told_offline=True), (act.PlayEarcon(Earcon.OFFLINE, Prompt.OFFLINE),)


def is_by_person(event: Event) -> bool:
    """Tell whether a person caused the event and awaits the result."""
    return not (isinstance(event, ev.Woken) and event.unattended)


def hear_out(now: Conversation) -> tuple[Action, ...]:
    """Return the action that ends the reply after the part that has arrived."""
    return (act.FinishReply(now.reply_id),) if now.reply_id is not None else ()
