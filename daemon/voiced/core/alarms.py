"""Rules for a due alarm: the agent announces it if it can be reached; otherwise the device rings.

An alarm outlives conversations and links. It is settled when the agent begins to announce it, when a
person silences it, or when it has rung for its full time. Otherwise it rings again after a restart.
"""

from dataclasses import replace

from voiced.core import actions as act
from voiced.core import events as ev
from voiced.core.actions import Action
from voiced.core.earcons import Earcon
from voiced.core.events import Event
from voiced.core.outage import is_by_person
from voiced.core.state import Conversation, DueAlarm, Phase, Policy, Step, forget

_RING = act.PlayEarcon(Earcon.ALARM)

TIMERS = tuple(ev.TimerFired(name) for name in ("alarm reach", "alarm reply", "ring", "ring out"))
"""Timers that run in every phase; see `timers`."""


def take(now: Conversation, event: ev.AlarmRang, policy: Policy) -> Step:
    """Ring once, and queue the alarm for the agent to announce."""
    if any(due.alarm_id == event.alarm_id for due in now.alarms):
        return now, ()
    after = replace(now, alarms=(*now.alarms, DueAlarm(event.alarm_id, event.text)))
    # One more alarm while it rings restarts the time limit.
    longer = (act.StartTimer("ring out", policy.ring_for_s),) if now.ringing else ()
    return after, (_RING, *longer)


def wake(now: Conversation, event: ev.AlarmRang, policy: Policy) -> Step:
    """Connect to the agent without a greeting, if it can make announcements."""
    after, heard = take(now, event, policy)
    if after is now or not policy.announces:
        return after, heard
    after = replace(forget(after), phase=Phase.CONNECTING, greets=False, brief=True)
    return after, (act.OpenLink(resume_key=None, greet=False), *heard)


def timer(now: Conversation, event: ev.TimerFired, policy: Policy) -> Step:
    """Start to ring when the agent did not answer in time, ring again, and finally give up."""
    if event.name == "ring out":
        return settle(now), ()
    if event.name == "ring":
        return now, (*_ring(now), act.StartTimer("ring", policy.ring_every_s))
    return replace(now, ringing=True), _ring(now)


def takes_press(now: Conversation, event: Event) -> bool:
    """Tell whether a press of the talk button silences the alarm, and does nothing else."""
    ends = now.phase is Phase.LISTENING and now.brief
    return isinstance(event, ev.TalkPressed) and now.ringing and not ends


def settle(now: Conversation) -> Conversation:
    """Return the conversation without its due alarms."""
    return replace(
        now,
        alarms=(),
        ringing=False,
        announcing="" if now.announcing_alarm else now.announcing,
        announcing_alarm="",
    )


def follow(before: Conversation, after: Conversation, event: Event, policy: Policy) -> Step:
    """Apply the alarm rules to a step from `before` to `after`."""
    if before.brief and _is_wanted(event):
        after = replace(after, brief=False)
    if _is_acknowledged(before, event):
        after = settle(after)
    elif before.announcing_alarm and after.phase is Phase.SPEAKING:
        rest = tuple(due for due in after.alarms if due.alarm_id != before.announcing_alarm)
        after = replace(after, alarms=rest)
    if _is_idle(after):
        return forget(after), (act.CloseLink(),)
    return _ring_or_not(after, event, policy)


def _ring_or_not(now: Conversation, event: Event, policy: Policy) -> Step:
    alone = now.phase is Phase.ASLEEP or now.offline or now.refused or not policy.announces
    if now.alarms and alone and not now.ringing and now.phase is not Phase.STOPPED:
        heard = () if isinstance(event, ev.AlarmRang) else _ring(now)
        return replace(now, ringing=True), heard
    talks = now.phase in (Phase.HEARING, Phase.THINKING, Phase.SPEAKING)
    if now.ringing and talks and not alone:
        return replace(
            now, ringing=False
        ), ()  # the agent is connected, and announces it after this turn
    return now, ()


def _ring(now: Conversation) -> tuple[Action, ...]:
    """Return one ring, or none during a prompt: a new local sound would cut the prompt off."""
    return () if now.prompting else (_RING,)


def _is_idle(now: Conversation) -> bool:
    """Tell whether we are connecting only for an alarm that is no longer due."""
    waiting = now.alarms or now.announcements
    return now.phase is Phase.CONNECTING and now.brief and not waiting


def _is_wanted(event: Event) -> bool:
    """Tell whether a person wants to talk, not only to hear the alarm."""
    return isinstance(event, ev.SpeechStarted) or (
        isinstance(event, ev.Woken) and is_by_person(event)
    )


def _is_acknowledged(before: Conversation, event: Event) -> bool:
    """Tell whether a person reacted to the alarm."""
    match event:
        case ev.TalkPressed() | ev.Hushed():
            return before.ringing or (before.brief and bool(before.alarms))
        case ev.EndRequested(after_reply):
            return not after_reply and (before.ringing or before.brief)
        case ev.Woken():
            return before.ringing and is_by_person(event)
        case _:
            return False
