"""Actions derived from the conversation's state, however it was reached: gate, lights, status, timers."""

from voiced.core import actions as act
from voiced.core.actions import Action
from voiced.core.state import (
    AWAKE,
    Conversation,
    Phase,
    Policy,
    is_ducked,
    mic_gate_open,
    sound_may_leave,
    status_of,
    timers,
)


def change_policy(now: Conversation, was: Policy, policy: Policy) -> tuple[Action, ...]:
    """Return the actions that a new policy requires."""
    return tuple(consequences(now, now, was, policy))


def consequences(
    before: Conversation, after: Conversation, was: Policy, policy: Policy
) -> list[Action]:
    """Return the actions that a change from `before` to `after` requires."""
    actions: list[Action] = []
    # At a mute, and where a conversation begins or ends, captured sound must not carry over.
    in_conversation = (Phase.CONNECTING, *AWAKE)
    if (after.muted and not before.muted) or (
        (before.phase in in_conversation) != (after.phase in in_conversation)
    ):
        actions.append(act.DropCaptured())
    leaving, told = sound_may_leave(after, policy), sound_may_leave(before, was)
    # The light goes on before the gate opens, and off after it closes.
    if leaving and not told:
        actions.append(act.TellLeaving(leaving=True))
    if (gate := mic_gate_open(after, policy)) != mic_gate_open(before, was):
        actions.append(act.SetMicGate(open=gate))
    if told and not leaving:
        actions.append(act.TellLeaving(leaving=False))
    if (ducked := is_ducked(after, policy)) != is_ducked(before, was):
        actions.append(act.Duck(ducked))
    if (status := status_of(after)) is not status_of(before):
        actions.append(act.Show(status))
    settled = [act.SettleAlarm(due.alarm_id) for due in before.alarms if due not in after.alarms]
    return [*actions, *settled, *_timers_changed(before, after, was, policy)]


def _timers_changed(
    before: Conversation, after: Conversation, was: Policy, policy: Policy
) -> list[Action]:
    ran, run = timers(before, was), timers(after, policy)
    moved = before.phase is not after.phase
    begun = (before.reply_id, before.announcing) != (after.reply_id, after.announcing)
    # Other timers keep running as long as their duration stays the same.
    restarted = {"patience": moved, "silence": moved or begun}
    started: list[Action] = [
        act.StartTimer(name, after_s)
        for name, after_s in run.items()
        if ran.get(name) != after_s or restarted.get(name)
    ]
    return [*started, *(act.CancelTimer(name) for name in ran if name not in run)]
