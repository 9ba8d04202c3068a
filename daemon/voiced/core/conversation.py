"""The conversation state machine: one pure function from a fact to orders.

Everything that decides what voiced does next lives in this file, and nothing
else does. It never reads a clock, a socket or a setting that is not in its
arguments. Timers are actions; their expiry is an event.

The rules:

* `TRANSITIONS` is the whole machine. Each row names the rule and every phase it
  may lead to; the diagram in daemon/README.md is drawn from it. A (phase, event) pair missing
  from both `TRANSITIONS` and `IGNORED` is a bug, and a test says so.
* `FLAGS` (flags.py) are facts that cross all phases and change none: mute, devices.
* What follows from where we are (gate, status, timers) is derived in
  `consequences` (consequences.py) from (before, after), never remembered.
* Only a reply that was accepted is heard; only `ReplyDone(interrupted)` is barge-in.
* Every way out of a conversation orders `CloseLink`: an agent's session is never
  left open, because it is billed while it is.
* An alarm that is due crosses all phases too, and outlives them (alarms.py).
* A lost link is a pause: we are connecting until the agent is back or the user ends it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from voiced.core import actions as act
from voiced.core import alarms, announcements, outage, replies
from voiced.core import events as ev
from voiced.core.actions import Action
from voiced.core.consequences import consequences
from voiced.core.earcons import Earcon, Prompt
from voiced.core.events import Event
from voiced.core.flags import FLAGS
from voiced.core.gate import is_sounding, may_barge_in
from voiced.core.state import AWAKE, MICROPHONE_TROUBLES, Conversation, Phase, Policy, Step, forget


def step(now: Conversation, event: Event, policy: Policy) -> Step:
    """Return the next state of the conversation and the actions to carry out."""
    after: Conversation = now
    actions: tuple[Action, ...] = ()
    # Flags come first: they apply in every phase, so the table does not list them.
    if (flag := FLAGS.get(type(event))) is not None:
        after, actions = flag(now, event)
    elif event == _ECHO_DIED_AWAY:
        after = replace(now, echoing=False)
    elif event in alarms.TIMERS:
        after, actions = alarms.timer(now, event, policy)
    elif alarms.takes_press(now, event):
        pass  # the press only silences the alarm, which `follow` does
    elif (row := TRANSITIONS.get((now.phase, type(event)))) is not None:
        after, actions = row.rule(now, event, policy)
    # Alarms and announcements come last: they depend on the phase that the event led to.
    after, rung = alarms.follow(now, after, event, policy)
    if is_sounding(now) and not is_sounding(after) and not may_barge_in(after, policy):
        after = replace(after, echoing=True)
    elif is_sounding(after) and after.echoing:
        after = replace(after, echoing=False)
    after, said = announcements.go_on(after, policy)
    return after, (*actions, *rung, *said, *consequences(now, after, policy, policy))


def _stay(now: Conversation, _event: Event, _policy: Policy) -> Step:
    return now, ()


def _wake(now: Conversation, event: Event, _policy: Policy) -> Step:
    by_person = outage.is_by_person(event)
    after = replace(
        forget(now), phase=Phase.CONNECTING, answer_owed=by_person, unattended=not by_person
    )
    if not by_person:  # no earcon: no one pressed anything
        return after, (act.OpenLink(resume_key=None),)
    if now.microphone in MICROPHONE_TROUBLES:
        after = replace(after, prompting=True)
        cue = act.PlayEarcon(Earcon.ERROR, Prompt.NO_MICROPHONE)
    else:
        cue = act.PlayEarcon(Earcon.WAKE)
    return after, (act.OpenLink(resume_key=None), cue)


def _press_again(now: Conversation, event: Event, policy: Policy) -> Step:
    """Handle a wake while connecting; the talk button may also cancel the attempt."""
    if now.offline or now.refused:
        return outage.insist(now, event)
    return replies.sleep(now, event, policy) if isinstance(event, ev.TalkPressed) else (now, ())


def _ready(now: Conversation, event: ev.AgentReady, policy: Policy) -> Step:
    lifetime_s = event.lifetime_s
    resumed = now.resume_key is not None
    after = replace(
        now,
        phase=Phase.LISTENING,
        resume_key=event.resume_key,
        offline=False,
        refused=False,
        answer_owed=False,
        told_offline=False,
        cut_off=False,
        cause="",
        reached=False,
        unwanted=False,
        greets=False,
        young=True,
        spoken=now.spoken and resumed,
        answered=now.answered and resumed,
        # A session shorter than the margin is still used for half of its lifetime.
        renew_in_s=lifetime_s and max(lifetime_s - policy.renew_early_s, lifetime_s / 2),
    )
    actions: tuple[Action, ...] = ()
    if now.cut_off and not resumed:
        # A new session knows nothing of the old one: it gets only what was just said.
        actions = (act.DropCaptured(policy.keep_for_fresh_s),)
    if now.told_offline:
        actions = (*actions, act.PlayEarcon(Earcon.ONLINE))
    return after, actions


def _tool_begins(now: Conversation, event: ev.ToolCalled, _policy: Policy) -> Step:
    # Thinking shows only in silence: a user who speaks or a reply that plays is more important.
    phase = Phase.THINKING if now.phase is Phase.LISTENING else now.phase
    after = replace(now, phase=phase, tools=now.tools | {event.call_id})
    return after, (act.RunTool(event.call_id, event.name, event.arguments),)


def _tool_ends(now: Conversation, event: ev.ToolReturned, _policy: Policy) -> Step:
    if event.call_id not in now.tools:
        return now, ()  # its turn was interrupted
    answered = now.tool_answered or event.call_id in now.older_tools
    after = replace(now, tools=now.tools - {event.call_id}, tool_answered=answered)
    return after, (act.ReturnTool(event.call_id, event.result, event.is_error),)


def _leave(now: Conversation, event: ev.EndRequested, policy: Policy) -> Step:
    if not event.after_reply:
        return replies.sleep(now, event, policy)
    return replace(now, leaving=True), ()


def _stop(now: Conversation, _event: Event, _policy: Policy) -> Step:
    after = replace(forget(now), phase=Phase.STOPPED)
    return after, (act.DropPlayback(), act.CancelTools(), act.CloseLink())


def _timer(now: Conversation, event: ev.TimerFired, policy: Policy) -> Step:
    """Handle a timer of an awake phase; `timers` says which run in which phase."""
    match event.name:
        case "patience":
            return replies.sleep(now, event, policy)
        case "silence":
            return replies.gives_up(now, event, policy)
        case "hush":
            return replace(now, hush_pending=False, silenced=None), ()
        case "steady":
            return replace(now, failures=0, soon_tries=0, early_ends=0, young=False), ()
        case "renewal":
            return replace(now, stale=True), ()
        case "quiet":
            # OpenLink replaces the running link, which ends the old session.
            after = replace(
                forget(now), phase=Phase.CONNECTING, greets=False, unattended=now.unattended
            )
            return after, (act.OpenLink(resume_key=None, greet=False),)
        case _:
            return now, ()


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table: a rule and every phase it may lead to."""

    rule: Callable[[Conversation, Any, Policy], Step]
    leads_to: tuple[Phase, ...]


def _row(rule: Callable[[Conversation, Any, Policy], Step], *leads_to: Phase) -> Row:
    return Row(rule, leads_to)


def _staying(
    phases: Iterable[Phase],
    event: type[Event],
    rule: Callable[[Conversation, Any, Policy], Step],
    *leads_to: Phase,
) -> dict[tuple[Phase, type[Event]], Row]:
    """Return a row for each of `phases`: the rule may keep it, or lead to one of the others."""
    return {(phase, event): _row(rule, phase, *leads_to) for phase in phases}


_ECHO_DIED_AWAY = ev.TimerFired("echo")

_IN_CONVERSATION = (Phase.CONNECTING, *AWAKE)
_QUIET = (Phase.LISTENING, Phase.HEARING, Phase.THINKING)

_TURN = (Phase.HEARING, Phase.THINKING, Phase.SPEAKING)

TRANSITIONS: dict[tuple[Phase, type[Event]], Row] = {
    (Phase.ASLEEP, ev.Woken): _row(_wake, Phase.CONNECTING),
    (Phase.ASLEEP, ev.TalkPressed): _row(_wake, Phase.CONNECTING, Phase.ASLEEP),
    (Phase.ASLEEP, ev.AnnouncementRequested): _row(announcements.wake, Phase.CONNECTING),
    (Phase.ASLEEP, ev.AlarmRang): _row(alarms.wake, Phase.CONNECTING, Phase.ASLEEP),
    (Phase.CONNECTING, ev.AgentReady): _row(_ready, Phase.LISTENING),
    (Phase.CONNECTING, ev.TalkPressed): _row(_press_again, Phase.CONNECTING, Phase.ASLEEP),
    (Phase.CONNECTING, ev.Woken): _row(_press_again, Phase.CONNECTING),
    (Phase.CONNECTING, ev.NetworkBack): _row(outage.hurry, Phase.CONNECTING),
    (Phase.CONNECTING, ev.OwnerActed): _row(outage.hurry, Phase.CONNECTING),
    (Phase.CONNECTING, ev.TimerFired): _row(outage.window_closes, Phase.CONNECTING, Phase.ASLEEP),
    (Phase.CONNECTING, ev.Hushed): _row(_stay, Phase.CONNECTING, Phase.ASLEEP),
    (Phase.CONNECTING, ev.EndRequested): _row(replies.sleep, Phase.ASLEEP),
    (Phase.LISTENING, ev.SpeechStarted): _row(replies.turn_begins, Phase.HEARING),
    (Phase.LISTENING, ev.SpeechStopped): _row(replies.turn_ends, Phase.THINKING),
    (Phase.LISTENING, ev.TalkPressed): _row(replies.sleep, Phase.ASLEEP, Phase.LISTENING),
    (Phase.HEARING, ev.SpeechStopped): _row(replies.turn_ends, Phase.THINKING),
    (Phase.HEARING, ev.TalkPressed): _row(replies.sleep, Phase.ASLEEP, Phase.HEARING),
    (Phase.THINKING, ev.SpeechStarted): _row(replies.turn_begins, Phase.HEARING),
    (Phase.THINKING, ev.TalkPressed): _row(replies.hush, Phase.LISTENING, Phase.THINKING),
    (Phase.THINKING, ev.Hushed): _row(replies.hush, Phase.LISTENING),
    (Phase.SPEAKING, ev.SpeechStarted): _row(replies.speaks_over, Phase.SPEAKING),
    (Phase.SPEAKING, ev.SpeechStopped): _row(replies.speaks_over, Phase.SPEAKING),
    (Phase.SPEAKING, ev.ReplyDone): _row(
        replies.reply_ends, Phase.SPEAKING, Phase.LISTENING, Phase.HEARING
    ),
    (Phase.SPEAKING, ev.PlaybackDrained): _row(
        replies.drained, Phase.SPEAKING, *_QUIET, Phase.ASLEEP
    ),
    (Phase.SPEAKING, ev.Woken): _row(
        replies.interrupt, Phase.SPEAKING, Phase.LISTENING, Phase.HEARING
    ),
    (Phase.SPEAKING, ev.TalkPressed): _row(
        replies.hush, Phase.LISTENING, Phase.HEARING, Phase.SPEAKING
    ),
    (Phase.SPEAKING, ev.Hushed): _row(replies.hush, Phase.LISTENING, Phase.HEARING),
    **_staying((Phase.LISTENING, Phase.HEARING), ev.ReplyDone, replies.silenced_ends),
    (Phase.THINKING, ev.ReplyDone): _row(replies.silenced_ends, Phase.THINKING, Phase.LISTENING),
    **_staying(AWAKE, ev.ReplyStarted, replies.reply_begins, Phase.SPEAKING),
    (Phase.LISTENING, ev.ToolCalled): _row(_tool_begins, Phase.THINKING),
    **_staying(_TURN, ev.ToolCalled, _tool_begins),
    **_staying(AWAKE, ev.ToolReturned, _tool_ends),
    **_staying(_IN_CONVERSATION, ev.AnnouncementRequested, announcements.wait),
    **_staying(_IN_CONVERSATION, ev.AlarmRang, alarms.take),
    **_staying(AWAKE, ev.EndRequested, _leave, Phase.ASLEEP),
    **_staying((Phase.LISTENING,), ev.TimerFired, _timer, Phase.ASLEEP, Phase.CONNECTING),
    **_staying(_TURN, ev.TimerFired, _timer, Phase.ASLEEP, Phase.LISTENING),
    **_staying((Phase.CONNECTING, *_QUIET), ev.PlaybackDrained, replies.rest_heard),
    **{
        (phase, ev.LinkLost): _row(outage.lost, Phase.CONNECTING, Phase.ASLEEP)
        for phase in _IN_CONVERSATION
    },
    (Phase.CONNECTING, ev.SessionEnded): _row(outage.turned_away, Phase.CONNECTING, Phase.ASLEEP),
    **{
        (phase, ev.SessionEnded): _row(outage.session_ended, Phase.CONNECTING, Phase.ASLEEP)
        for phase in AWAKE
    },
    **{
        (phase, ev.StopRequested): _row(_stop, Phase.STOPPED)
        for phase in (Phase.ASLEEP, *_IN_CONVERSATION)
    },
}

_FROM_THE_AGENT = (
    ev.SpeechStarted,
    ev.SpeechStopped,
    ev.ReplyStarted,
    ev.ReplyDone,
    ev.ToolCalled,
    ev.ToolReturned,
)
IGNORED: dict[tuple[Phase, type[Event]], str] = {
    **{
        (Phase.ASLEEP, kind): "the link is closed; this is a straggler"
        for kind in (ev.AgentReady, ev.LinkLost, ev.SessionEnded, *_FROM_THE_AGENT)
    },
    **{(Phase.CONNECTING, kind): "the agent is not ready yet" for kind in _FROM_THE_AGENT},
    **{(phase, ev.AgentReady): "an update was acknowledged" for phase in AWAKE},
    **{(phase, ev.Woken): "already awake" for phase in _QUIET},
    **{
        (phase, kind): "nothing waits for it"
        for phase in (Phase.ASLEEP, *AWAKE)
        for kind in (ev.NetworkBack, ev.OwnerActed)
    },
    **{
        (phase, ev.Hushed): "nothing to hush"
        for phase in (Phase.ASLEEP, Phase.LISTENING, Phase.HEARING)
    },
    **{
        (phase, ev.ReplyHeard): "nothing waits for it, but observers"
        for phase in (Phase.ASLEEP, *_IN_CONVERSATION)
    },
    (Phase.ASLEEP, ev.PlaybackDrained): "what was left of a reply was heard out",
    (Phase.ASLEEP, ev.TimerFired): "cancelled too late",
    (Phase.ASLEEP, ev.EndRequested): "already ended",
    (Phase.HEARING, ev.SpeechStarted): "already hearing",
    (Phase.THINKING, ev.SpeechStopped): "already thinking",
    **{(Phase.STOPPED, kind): "the process is stopping" for kind in ev.EVERY_EVENT - FLAGS.keys()},
}
