"""The conversation state machine: one pure function from a fact to orders.

Everything that decides what voiced does next lives in this file, and nothing
else does. It never reads a clock, a socket or a setting that is not in its
arguments. Timers are actions; their expiry is an event.

The rules:

* `TRANSITIONS` is the whole machine. Each row names the rule and every phase it
  may lead to; README's diagram is drawn from it. A (phase, event) pair missing
  from both `TRANSITIONS` and `IGNORED` is a bug, and a test says so.
* `FLAGS` are facts that cross all phases and change none: mute, devices.
* What follows from where we are (gate, status, patience) is derived in
  `_consequences` from (before, after), never remembered.
* Only a reply that was accepted is heard; only `ReplyDone(interrupted)` is barge-in.
* Every way out of a conversation orders `CloseLink`: an agent's session is never
  left open, because it is billed while it is.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from voiced.core import actions as act
from voiced.core import events as ev
from voiced.core.actions import Action
from voiced.core.events import Event, Loss
from voiced.core.state import (
    AWAKE,
    Conversation,
    Phase,
    Policy,
    mic_gate_open,
    patience_s,
    status_of,
)

Step = tuple[Conversation, tuple[Action, ...]]


def step(now: Conversation, event: Event, policy: Policy) -> Step:
    """Return what the conversation becomes and what must be done about it."""
    after: Conversation = now
    actions: tuple[Action, ...] = ()
    if (flag := FLAGS.get(type(event))) is not None:
        after = flag(now, event)
    elif (row := TRANSITIONS.get((now.phase, type(event)))) is not None:
        after, actions = row.rule(now, event, policy)
    return after, (*actions, *_consequences(now, after, policy))


def _consequences(before: Conversation, after: Conversation, policy: Policy) -> list[Action]:
    """Derive the actions that follow from where we are, however we came here."""
    actions: list[Action] = []
    in_conversation = (Phase.CONNECTING, *AWAKE)
    if (after.muted and not before.muted) or (
        (before.phase in in_conversation) != (after.phase in in_conversation)
    ):
        actions.append(act.DropCaptured())
    if (gate := mic_gate_open(after, policy)) != mic_gate_open(before, policy):
        actions.append(act.SetMicGate(open=gate))
    if (status := status_of(after)) is not status_of(before):
        actions.append(act.Show(status))
    patience = patience_s(after, policy)
    if (after.phase, patience) != (before.phase, patience_s(before, policy)):
        actions.append(
            act.CancelTimer("patience")
            if patience is None
            else act.StartTimer("patience", patience)
        )
    return actions


def _wake(now: Conversation, _event: Event, _policy: Policy) -> Step:
    after = replace(_forget(now), phase=Phase.CONNECTING)
    return after, (act.OpenLink(resume_key=None),)


def _ready(now: Conversation, event: ev.AgentReady, _policy: Policy) -> Step:
    after = replace(
        now, phase=Phase.LISTENING, resume_key=event.resume_key, attempts=0, offline=False
    )
    return after, ()


def _turn_begins(now: Conversation, _event: Event, _policy: Policy) -> Step:
    return replace(now, phase=Phase.HEARING, user_speaking=True, hushed=False), ()


def _turn_ends(now: Conversation, _event: Event, _policy: Policy) -> Step:
    return replace(now, phase=Phase.THINKING, user_speaking=False), ()


def _speaks_over(now: Conversation, event: Event, _policy: Policy) -> Step:
    return replace(now, user_speaking=isinstance(event, ev.SpeechStarted)), ()


def _reply_begins(now: Conversation, event: ev.ReplyStarted, _policy: Policy) -> Step:
    if now.hushed:
        return now, ()
    after = replace(
        now,
        phase=Phase.SPEAKING,
        reply_id=event.reply_id,
        parting=now.leaving,
    )
    return after, (act.AcceptReply(event.reply_id),)


def _reply_ends(now: Conversation, event: ev.ReplyDone, _policy: Policy) -> Step:
    if event.reply_id != now.reply_id:
        return now, (act.DropPlayback(event.reply_id),) if event.interrupted else ()
    if not event.interrupted:
        return now, (act.FinishReply(event.reply_id),)
    after = _to_listening(replace(now, tools=frozenset()))
    return after, (act.DropPlayback(event.reply_id), act.CancelTools())


def _drained(now: Conversation, event: ev.PlaybackDrained, policy: Policy) -> Step:
    if event.reply_id != now.reply_id:
        return now, ()  # an earlier reply was heard out; this one goes on
    if now.parting:
        return _sleep(now, event, policy)
    return _to_listening(now), ()


def _hush(now: Conversation, _event: Event, _policy: Policy) -> Step:
    after = _to_listening(replace(now, tools=frozenset()))
    return replace(after, hushed=now.phase is Phase.THINKING), (
        act.DropPlayback(),
        act.CancelTools(),
    )


def _tool_begins(now: Conversation, event: ev.ToolCalled, _policy: Policy) -> Step:
    phase = Phase.THINKING if now.phase is Phase.LISTENING else now.phase
    after = replace(now, phase=phase, tools=now.tools | {event.call_id})
    return after, (act.RunTool(event.call_id, event.name, event.arguments),)


def _tool_ends(now: Conversation, event: ev.ToolReturned, _policy: Policy) -> Step:
    if event.call_id not in now.tools:
        return now, ()  # its turn was interrupted
    after = replace(now, tools=now.tools - {event.call_id})
    return after, (act.ReturnTool(event.call_id, event.result, event.is_error),)


def _leave(now: Conversation, event: ev.EndRequested, policy: Policy) -> Step:
    if not event.after_reply:
        return _sleep(now, event, policy)
    return replace(now, leaving=True), ()


def _sleep(now: Conversation, _event: Event, _policy: Policy) -> Step:
    return _forget(now), (act.DropPlayback(), act.CancelTools(), act.CloseLink())


def _farewell(now: Conversation, _event: Event, _policy: Policy) -> Step:
    """The agent ended the session: what it said last is still heard."""
    return _forget(now), (*_hear_out(now), act.CancelTools(), act.CloseLink())


def _stop(now: Conversation, _event: Event, _policy: Policy) -> Step:
    after = replace(_forget(now), phase=Phase.STOPPED)
    return after, (act.DropPlayback(), act.CancelTools(), act.CloseLink())


def _lost(now: Conversation, event: ev.LinkLost, policy: Policy) -> Step:
    cut_short = (*_hear_out(now), act.CancelTools())
    if now.leaving:
        return _forget(now), (*cut_short, act.CloseLink())
    if event.loss is Loss.REJECTED:
        return replace(_forget(now), refused=True), (*cut_short, act.CloseLink())
    delays = policy.retry_delays_s
    delay = delays[min(now.attempts, len(delays) - 1)]
    if event.loss is Loss.BUSY:
        delay = max(delay, policy.busy_delay_s)
    after = replace(
        _forget(now),
        phase=Phase.CONNECTING,
        offline=now.offline or event.loss in (Loss.BROKEN, Loss.BUSY),
        resume_key=None if event.loss is Loss.SESSION_GONE else now.resume_key,
        attempts=now.attempts + 1,
    )
    return after, (*cut_short, act.OpenLink(after.resume_key, delay))


def _forget(now: Conversation) -> Conversation:
    """Return a conversation asleep, with only the facts that outlive one."""
    return Conversation(muted=now.muted, microphone=now.microphone, speaker=now.speaker)


def _hear_out(now: Conversation) -> tuple[Action, ...]:
    return (act.FinishReply(now.reply_id),) if now.reply_id is not None else ()


def _to_listening(now: Conversation) -> Conversation:
    """Return the phase after a reply: whoever has something to do next."""
    phase = Phase.LISTENING
    if now.user_speaking:
        phase = Phase.HEARING
    elif now.tools:
        phase = Phase.THINKING
    return replace(now, phase=phase, reply_id=None)


def _mute(now: Conversation, event: ev.MuteChanged) -> Conversation:
    return replace(now, muted=event.muted)


def _microphone(now: Conversation, event: ev.MicrophoneChanged) -> Conversation:
    return replace(now, microphone=event.present)


def _speaker(now: Conversation, event: ev.SpeakerChanged) -> Conversation:
    return replace(now, speaker=event.present)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table: a rule and every phase it may lead to."""

    rule: Callable[[Conversation, Any, Policy], Step]
    leads_to: tuple[Phase, ...]


def _row(rule: Callable[[Conversation, Any, Policy], Step], *leads_to: Phase) -> Row:
    return Row(rule, leads_to)


FLAGS: dict[type[Event], Callable[[Conversation, Any], Conversation]] = {
    ev.MuteChanged: _mute,
    ev.MicrophoneChanged: _microphone,
    ev.SpeakerChanged: _speaker,
}

_AFTER_REPLY = (Phase.LISTENING, Phase.HEARING, Phase.THINKING)

TRANSITIONS: dict[tuple[Phase, type[Event]], Row] = {
    (Phase.ASLEEP, ev.Woken): _row(_wake, Phase.CONNECTING),
    (Phase.ASLEEP, ev.TalkPressed): _row(_wake, Phase.CONNECTING),
    (Phase.CONNECTING, ev.AgentReady): _row(_ready, Phase.LISTENING),
    (Phase.CONNECTING, ev.TalkPressed): _row(_sleep, Phase.ASLEEP),
    (Phase.CONNECTING, ev.EndRequested): _row(_sleep, Phase.ASLEEP),
    (Phase.LISTENING, ev.SpeechStarted): _row(_turn_begins, Phase.HEARING),
    (Phase.LISTENING, ev.SpeechStopped): _row(_turn_ends, Phase.THINKING),
    (Phase.LISTENING, ev.TalkPressed): _row(_sleep, Phase.ASLEEP),
    (Phase.HEARING, ev.SpeechStopped): _row(_turn_ends, Phase.THINKING),
    (Phase.HEARING, ev.TalkPressed): _row(_sleep, Phase.ASLEEP),
    (Phase.THINKING, ev.SpeechStarted): _row(_turn_begins, Phase.HEARING),
    (Phase.THINKING, ev.TalkPressed): _row(_hush, Phase.LISTENING),
    (Phase.THINKING, ev.Hushed): _row(_hush, Phase.LISTENING),
    (Phase.SPEAKING, ev.SpeechStarted): _row(_speaks_over, Phase.SPEAKING),
    (Phase.SPEAKING, ev.SpeechStopped): _row(_speaks_over, Phase.SPEAKING),
    (Phase.SPEAKING, ev.ReplyDone): _row(
        _reply_ends, Phase.SPEAKING, Phase.LISTENING, Phase.HEARING
    ),
    (Phase.SPEAKING, ev.PlaybackDrained): _row(
        _drained, Phase.SPEAKING, *_AFTER_REPLY, Phase.ASLEEP
    ),
    (Phase.SPEAKING, ev.Woken): _row(_hush, Phase.LISTENING, Phase.HEARING),
    (Phase.SPEAKING, ev.TalkPressed): _row(_hush, Phase.LISTENING, Phase.HEARING),
    (Phase.SPEAKING, ev.Hushed): _row(_hush, Phase.LISTENING, Phase.HEARING),
    **{(phase, ev.ReplyStarted): _row(_reply_begins, phase, Phase.SPEAKING) for phase in AWAKE},
    **{
        (phase, ev.ToolCalled): _row(
            _tool_begins, Phase.THINKING if phase is Phase.LISTENING else phase
        )
        for phase in AWAKE
    },
    **{(phase, ev.ToolReturned): _row(_tool_ends, phase) for phase in AWAKE},
    **{(phase, ev.EndRequested): _row(_leave, phase, Phase.ASLEEP) for phase in AWAKE},
    **{(phase, ev.TimerFired): _row(_sleep, Phase.ASLEEP) for phase in AWAKE},
    **{
        (phase, ev.LinkLost): _row(_lost, Phase.CONNECTING, Phase.ASLEEP)
        for phase in (Phase.CONNECTING, *AWAKE)
    },
    **{
        (phase, ev.SessionEnded): _row(_farewell, Phase.ASLEEP)
        for phase in (Phase.CONNECTING, *AWAKE)
    },
    **{
        (phase, ev.StopRequested): _row(_stop, Phase.STOPPED)
        for phase in Phase
        if phase is not Phase.STOPPED
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
_QUIET = (Phase.LISTENING, Phase.HEARING, Phase.THINKING)

IGNORED: dict[tuple[Phase, type[Event]], str] = {
    **{
        (Phase.ASLEEP, kind): "the link is closed; this is a straggler"
        for kind in (ev.AgentReady, ev.LinkLost, ev.SessionEnded, *_FROM_THE_AGENT)
    },
    **{(Phase.CONNECTING, kind): "the agent is not ready yet" for kind in _FROM_THE_AGENT},
    **{(phase, ev.AgentReady): "an update was acknowledged" for phase in AWAKE},
    **{(phase, ev.Woken): "already awake" for phase in (Phase.CONNECTING, *_QUIET)},
    **{
        (phase, ev.Hushed): "nothing to hush"
        for phase in (Phase.ASLEEP, Phase.CONNECTING, Phase.LISTENING, Phase.HEARING)
    },
    **{(phase, ev.ReplyDone): "a reply that was dropped" for phase in _QUIET},
    **{
        (phase, ev.PlaybackDrained): "what was left of a reply was heard out"
        for phase in (Phase.ASLEEP, Phase.CONNECTING, *_QUIET)
    },
    **{(phase, ev.TimerFired): "cancelled too late" for phase in (Phase.ASLEEP, Phase.CONNECTING)},
    (Phase.ASLEEP, ev.EndRequested): "already ended",
    (Phase.HEARING, ev.SpeechStarted): "already hearing",
    (Phase.THINKING, ev.SpeechStopped): "already thinking",
    **{(Phase.STOPPED, kind): "the process is stopping" for kind in ev.EVERY_EVENT - FLAGS.keys()},
}
