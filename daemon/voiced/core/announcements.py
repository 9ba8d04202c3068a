"""Rules for announcements: what the agent is asked to say although no one spoke to it."""

from dataclasses import replace

from voiced.core import actions as act
from voiced.core import events as ev
from voiced.core.state import Conversation, Phase, Policy, Step, forget

MOST_WAITING = 8


def wake(now: Conversation, event: ev.AnnouncementRequested, _policy: Policy) -> Step:
    """Connect to the agent for an announcement, without a greeting."""
    after = replace(forget(now), phase=Phase.CONNECTING, greets=False, announcements=(event.text,))
    return after, (act.OpenLink(resume_key=None, greet=False),)


def wait(now: Conversation, event: ev.AnnouncementRequested, _policy: Policy) -> Step:
    """Queue an announcement; drop the oldest ones if there are too many."""
    waiting = (*now.announcements, event.text)[-MOST_WAITING:]
    return replace(now, announcements=waiting), ()


def go_on(now: Conversation, policy: Policy) -> Step:
    """Start the next announcement if no one is speaking and nothing else is about to be said.

    A reply that the user silenced must have ended first: its audio would be taken for the announcement.
    """
    if now.phase is not Phase.LISTENING:
        return replace(now, announcing="", announcing_alarm=""), ()
    if now.announcing or now.leaving or now.hush_pending:
        return now, ()
    if now.alarms and policy.announces:
        due = now.alarms[0]
        after = replace(now, hushed=False, announcing=due.text, announcing_alarm=due.alarm_id)
        return after, (act.Announce(due.text),)
    if not now.announcements:
        return now, ()
    text, *others = now.announcements
    after = replace(now, hushed=False, announcements=tuple(others), announcing=text)
    return after, (act.Announce(text),)


def unsaid(now: Conversation) -> tuple[str, ...]:
    """Return the announcements that a lost link left unsaid. Alarms are kept in `alarms`."""
    begun = now.announcing and not now.announcing_alarm
    return (now.announcing, *now.announcements) if begun else now.announcements
