"""The rules for a link that is lost: when to try again, and what to tell whom meanwhile."""

from dataclasses import replace

from voiced.core import actions as act
from voiced.core import events as ev
from voiced.core.actions import Action
from voiced.core.announce import unsaid
from voiced.core.cues import Earcon, Prompt
from voiced.core.events import Event, Loss
from voiced.core.retries import pause_before_next
from voiced.core.state import Conversation, Phase, Policy, Step, forget

_ENGAGED = (Phase.HEARING, Phase.THINKING, Phase.SPEAKING)
"""Where a person is in the middle of something, and waits for it to go on."""


def lost(now: Conversation, event: ev.LinkLost, policy: Policy) -> Step:
    """Go on as soon as possible; what had arrived of a reply is still heard."""
    cut_short = (*hear_out(now), act.CancelTools())
    if now.leaving:
        return forget(now), (*cut_short, act.CloseLink())
    refused = event.loss is Loss.REJECTED
    resumable = not refused and event.loss is not Loss.SESSION_GONE and policy.resume_window_s > 0
    key = now.resume_key if resumable else None
    was_trying = now.phase is Phase.CONNECTING
    after = replace(
        forget(now),
        phase=Phase.CONNECTING,
        offline=now.offline or (was_trying and event.loss in (Loss.BROKEN, Loss.BUSY)),
        refused=now.refused or refused,
        resume_key=key,
        failures=now.failures + 1,
        cut_off=True,
        answer_owed=now.answer_owed or now.phase in _ENGAGED,
        told_offline=now.told_offline,
        cut_reply=now.reply_id or now.cut_reply,
        announcements=unsaid(now),
        brief=now.brief,
    )
    after, answer = _answer(after)
    pause = pause_before_next(now.failures, key, event, policy)
    return after, (*cut_short, *answer, act.OpenLink(key, pause))


def window_closes(now: Conversation, event: ev.TimerFired, policy: Policy) -> Step:
    """The agent has forgotten the session by now: open a new one."""
    if event.name != "resume window" or now.resume_key is None:
        return now, ()
    pause = act.Pause(0.0, policy.window_spread_s)
    return replace(now, resume_key=None, failures=1), (act.OpenLink(None, pause),)


def insist(now: Conversation, event: Event) -> Step:
    """Somebody wants the agent while it cannot be had: give a sign of life and try at once."""
    after, answer = _answer(replace(now, answer_owed=is_by_person(event)))
    return after, (*answer, act.HurryLink(now.resume_key))


def hurry(now: Conversation, event: Event, _policy: Policy) -> Step:
    """Something changed that may help: try at once."""
    if now.refused and not isinstance(event, ev.OwnerActed):
        return now, ()
    after = replace(now, failures=0)
    return after, (act.HurryLink(now.resume_key),)


def _answer(now: Conversation) -> Step:
    """Let the person who woke us hear why nothing happens, once."""
    if not now.answer_owed or not (now.offline or now.refused):
        return now, ()
    after = replace(now, answer_owed=False, prompting=True)
    if now.refused:
        return after, (act.PlayEarcon(Earcon.ERROR, Prompt.REJECTED),)
    return replace(after, told_offline=True), (act.PlayEarcon(Earcon.OFFLINE, Prompt.OFFLINE),)


def is_by_person(event: Event) -> bool:
    """Tell whether a person is there to see and hear what comes of it."""
    return not (isinstance(event, ev.Woken) and event.unattended)


def hear_out(now: Conversation) -> tuple[Action, ...]:
    """Return what lets the reply end with what has arrived of it."""
    return (act.FinishReply(now.reply_id),) if now.reply_id is not None else ()
