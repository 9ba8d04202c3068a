"""What holds of the state machine whatever happens, in whatever order."""

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voiced.core import actions as act
from voiced.core import events as ev
from voiced.core.conversation import FLAGS, TRANSITIONS, step
from voiced.core.earcons import Earcon
from voiced.core.gate import is_ducked, mic_gate_open, sound_may_leave
from voiced.core.state import AWAKE, Conversation, Phase, Policy, status_of, timers
from voiced.errors import SoundFault

TROUBLES = (None, *SoundFault)
REPLIES = ("r1", "r2")
CALLS = ("c1", "c2")
EITHER = (False, True)
TIMERS = (
    "patience",
    "silence",
    "hush",
    "resume window",
    "steady",
    "renewal",
    "quiet",
    "echo",
    "alarm reach",
    "alarm reply",
    "ring",
    "ring out",
)


def each(kind, *values):
    """Return one of a kind with each combination of these values."""
    return [kind(*chosen) for chosen in itertools.product(*values)]


KINDS = (
    each(ev.Woken, ["button"], EITHER),
    each(ev.EndRequested, EITHER),
    each(ev.AnnouncementRequested, ["one", "two"]),
    each(ev.AlarmRang, ["a1", "a2"], ["tea"]),
    each(ev.MuteChanged, EITHER),
    each(ev.TalkHeld, EITHER),
    each(ev.VolumeStepped, [-5, 5]),
    each(ev.MicrophoneChanged, TROUBLES),
    each(ev.SpeakerChanged, TROUBLES),
    each(ev.AgentReady, [None, "sess_1"], [None, 60.0]),
    each(ev.LinkLost, ["gone"], ev.Loss, [0.0, 10.0]),
    each(ev.ReplyStarted, REPLIES),
    each(ev.ReplyDone, REPLIES, EITHER),
    each(ev.PlaybackDrained, REPLIES),
    each(ev.ReplyHeard, REPLIES),
    each(ev.ToolCalled, CALLS, ["get_time"]),
    each(ev.ToolReturned, CALLS, ["{}"], EITHER),
    each(ev.TimerFired, TIMERS),
    [ev.TalkPressed()],
    [ev.MuteToggled()],
    [ev.PromptEnded()],
    [ev.EchoFound()],
    [ev.Hushed()],
    [ev.SpeechStarted()],
    [ev.SpeechStopped()],
    [ev.SessionEnded()],
    [ev.NetworkBack()],
    [ev.OwnerActed()],
)
# Every kind is as likely as every other. All of them are one choice, not one of a kind and some of its values: that
# takes half the time.
N_LIKELY = math.lcm(*map(len, KINDS))
EVENTS = st.sampled_from([kind[at % len(kind)] for at in range(N_LIKELY) for kind in KINDS])
HISTORIES = st.lists(EVENTS, max_size=40)
POLICIES = st.sampled_from(
    [
        Policy(
            idle_timeout_s=idle_timeout_s,
            barge_in=barge_in,
            duck=duck,
            hold_to_talk=hold_to_talk,
            announces=announces,
        )
        for idle_timeout_s in (None, 30.0)
        for barge_in, duck, hold_to_talk, announces in itertools.product(EITHER, repeat=4)
    ]
)


def check(now, after, orders, event, policy):
    """Assert what must hold of every single step."""
    row = TRANSITIONS.get((now.phase, type(event)))
    if type(event) in FLAGS or row is None:
        assert after.phase is now.phase
    else:
        assert after.phase in row.leads_to
    if Phase.ASLEEP in (after.phase, now.phase) and after.phase is not now.phase:
        assert act.DropCaptured() in orders
    if now.phase is not Phase.ASLEEP and after.phase is Phase.ASLEEP:
        assert act.CloseLink() in orders
    if after.phase is Phase.LISTENING:
        assert not after.user_speaking
    if after.phase is Phase.SPEAKING:
        assert after.reply_id is not None
        assert after.reply_id != after.silenced
    if after.phase is Phase.ASLEEP:
        assert after.ringing == bool(after.alarms)
    if after.ringing:
        assert after.alarms
    if after.phase is Phase.CONNECTING and after.brief:
        assert after.alarms or after.announcements
    returned = [order.call_id for order in orders if isinstance(order, act.ReturnTool)]
    assert set(returned) <= now.tools


@pytest.mark.uncovered
@pytest.mark.parametrize("part", range(5))  # so that workers can share it
@settings(max_examples=2_000, deadline=None)
@given(history=HISTORIES, policy=POLICIES)
def test_gate_status_and_timer_orders_always_match_where_we_are(part, history, policy):
    now, gate, shown = Conversation(), False, status_of(Conversation())
    leaving = ducked = False
    running = set()
    for event in history:
        if isinstance(event, ev.TimerFired):
            if event.name not in running:
                continue
            running.discard(event.name)
        after, orders = step(now, event, policy)
        check(now, after, orders, event, policy)
        for order in orders:
            match order:
                case act.SetMicGate(is_open):
                    assert gate != is_open
                    gate = is_open
                case act.TellLeaving(told):
                    assert leaving != told
                    leaving = told
                case act.Duck(lowered):
                    assert ducked != lowered
                    ducked = lowered
                case act.Show(status):
                    assert shown is not status
                    shown = status
                case act.StartTimer(name, _):
                    running.add(name)
                case act.CancelTimer(name):
                    running.discard(name)
        now = after
        assert gate == mic_gate_open(now, policy)
        assert not (gate and now.muted)
        assert not (gate and now.phase is Phase.ASLEEP)
        assert leaving == sound_may_leave(now, policy)
        assert ducked == is_ducked(now, policy)
        assert shown is status_of(now)
        assert running == timers(now, policy).keys()
        assert ("patience" in running) <= (now.phase in AWAKE)
        if now.phase in (Phase.HEARING, Phase.SPEAKING) or now.cut_reply is not None:
            assert "silence" in running


@given(HISTORIES, POLICIES)
def test_stopping_is_final(history, policy):
    now, _ = step(Conversation(), ev.StopRequested(), policy)
    for event in history:
        now, orders = step(now, event, policy)
        assert now.phase is Phase.STOPPED
        assert not any(isinstance(order, act.OpenLink | act.SetMicGate) for order in orders)


@given(HISTORIES)
def test_a_link_is_opened_only_by_a_person_or_after_a_loss(history):
    now = Conversation()
    for event in history:
        now, orders = step(now, event, Policy())
        if any(isinstance(order, act.OpenLink) for order in orders):
            assert isinstance(
                event,
                ev.Woken
                | ev.TalkPressed
                | ev.AnnouncementRequested
                | ev.AlarmRang
                | ev.LinkLost
                | ev.SessionEnded
                | ev.TimerFired,
            )


@pytest.mark.uncovered
@settings(max_examples=2_000, deadline=None)
@given(HISTORIES, POLICIES)
def test_every_alarm_is_settled_once_and_only_when_heard_and_in_no_other_way_forgotten(
    history, policy
):
    now, due = Conversation(), set()
    for event in history:
        before = now
        now, orders = step(now, event, policy)
        if isinstance(event, ev.AlarmRang):
            assert (act.PlayEarcon(Earcon.ALARM) in orders) == (event.alarm_id not in due)
            due.add(event.alarm_id)
        for order in orders:
            if isinstance(order, act.SettleAlarm):
                due.remove(order.alarm_id)
                assert isinstance(
                    event,
                    ev.TalkPressed
                    | ev.Hushed
                    | ev.EndRequested
                    | ev.Woken
                    | ev.ReplyStarted
                    | ev.TimerFired,
                )
        assert {alarm.alarm_id for alarm in now.alarms} == due
        if now.ringing and not before.ringing and not now.prompting:
            assert act.PlayEarcon(Earcon.ALARM) in orders


@pytest.mark.uncovered
@settings(max_examples=2_000, deadline=None)
@given(HISTORIES, POLICIES)
def test_whoever_connects_has_an_attempt_running_and_resumes_only_within_the_window(
    history, policy
):
    now, attempt = Conversation(), False
    for event in history:
        before = now
        now, orders = step(now, event, policy)
        attempt = attempt and not isinstance(event, ev.LinkLost)
        for order in orders:
            match order:
                case act.OpenLink(key, _):
                    attempt = True
                    assert key == now.resume_key
                case act.CloseLink():
                    attempt = False
                case act.HurryLink(key):
                    assert attempt
                    assert key == before.resume_key
        if now.phase is Phase.CONNECTING:
            assert attempt
            resuming = now.resume_key is not None
            assert ("resume window" in timers(now, policy)) == resuming
