"""What holds of the state machine whatever happens, in whatever order."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voiced.core import actions as act
from voiced.core import events as ev
from voiced.core.conversation import FLAGS, TRANSITIONS, step
from voiced.core.earcons import Earcon
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
from voiced.errors import SoundFault

TROUBLES = st.sampled_from([None, *SoundFault])
REPLIES = st.sampled_from(["r1", "r2"])
CALLS = st.sampled_from(["c1", "c2"])

EVENTS = st.one_of(
    st.builds(ev.Woken, st.just("button"), st.booleans()),
    st.builds(ev.EndRequested, st.booleans()),
    st.builds(ev.AnnouncementRequested, st.sampled_from(["one", "two"])),
    st.builds(ev.AlarmRang, st.sampled_from(["a1", "a2"]), st.just("tea")),
    st.builds(ev.MuteChanged, st.booleans()),
    st.builds(ev.TalkHeld, st.booleans()),
    st.builds(ev.VolumeStepped, st.sampled_from([-5, 5])),
    st.builds(ev.MicrophoneChanged, TROUBLES),
    st.builds(ev.SpeakerChanged, TROUBLES),
    st.builds(ev.AgentReady, st.sampled_from([None, "sess_1"]), st.sampled_from([None, 60.0])),
    st.builds(ev.LinkLost, st.just("gone"), st.sampled_from(ev.Loss), st.sampled_from([0.0, 10.0])),
    st.builds(ev.ReplyStarted, REPLIES),
    st.builds(ev.ReplyDone, REPLIES, st.booleans()),
    st.builds(ev.PlaybackDrained, REPLIES),
    st.builds(ev.ReplyHeard, REPLIES),
    st.builds(ev.ToolCalled, CALLS, st.just("get_time")),
    st.builds(ev.ToolReturned, CALLS, st.just("{}"), st.booleans()),
    st.builds(
        ev.TimerFired,
        st.sampled_from(
            [
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
            ]
        ),
    ),
    *(
        st.just(kind())
        for kind in (
            ev.TalkPressed,
            ev.MuteToggled,
            ev.PromptEnded,
            ev.EchoFound,
            ev.Hushed,
            ev.SpeechStarted,
            ev.SpeechStopped,
            ev.SessionEnded,
            ev.NetworkBack,
            ev.OwnerActed,
        )
    ),
)
HISTORIES = st.lists(EVENTS, max_size=40)
POLICIES = st.builds(
    Policy,
    idle_timeout_s=st.sampled_from([None, 30.0]),
    barge_in=st.booleans(),
    duck=st.booleans(),
    hold_to_talk=st.booleans(),
    announces=st.booleans(),
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
