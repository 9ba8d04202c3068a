"""The state machine, one fact at a time."""

import dataclasses

import pytest

from voiced.core import actions as act
from voiced.core import events as ev
from voiced.core.actions import Status
from voiced.core.conversation import FLAGS, IGNORED, TRANSITIONS, step
from voiced.core.gate import mic_gate_open
from voiced.core.state import AWAKE, Conversation, Phase, Policy, status_of
from voiced.errors import SoundFault

POLICY = Policy()


def after(now, *events, policy=POLICY):
    """Return the conversation after `events` and everything ordered on the way."""
    orders = []
    for event in events:
        now, actions = step(now, event, policy)
        orders.extend(actions)
    return now, orders


def talking(**changes):
    return dataclasses.replace(
        Conversation(phase=Phase.SPEAKING, resume_key="s", reply_id="r1"),
        **changes,
    )


def test_every_phase_answers_every_event():
    everything = {(phase, kind) for phase in Phase for kind in ev.EVERY_EVENT - FLAGS.keys()}
    assert TRANSITIONS.keys() | IGNORED.keys() == everything
    assert not TRANSITIONS.keys() & IGNORED.keys()


def test_what_is_ignored_changes_nothing():
    samples = {
        ev.Woken: ev.Woken("x"),
        ev.AgentReady: ev.AgentReady("k"),
        ev.LinkLost: ev.LinkLost("gone"),
        ev.ReplyStarted: ev.ReplyStarted("r"),
        ev.ReplyDone: ev.ReplyDone("r", interrupted=True),
        ev.ToolCalled: ev.ToolCalled("c", "t"),
        ev.AnnouncementRequested: ev.AnnouncementRequested("hello"),
        ev.AlarmRang: ev.AlarmRang("a1", "wake up"),
        ev.ToolReturned: ev.ToolReturned("c", "{}"),
        ev.PlaybackDrained: ev.PlaybackDrained("r"),
        ev.ReplyHeard: ev.ReplyHeard("r"),
        ev.TimerFired: ev.TimerFired("patience"),
    }
    for phase, kind in IGNORED:
        now = Conversation(phase=phase)
        assert step(now, samples.get(kind) or kind(), POLICY) == (now, ())


def test_a_conversation_from_wake_to_sleep():
    now, orders = after(
        Conversation(),
        ev.Woken("button"),
        ev.AgentReady("sess_1"),
        ev.SpeechStarted(),
        ev.SpeechStopped(),
        ev.ReplyStarted("r1"),
        ev.ReplyDone("r1"),
        ev.PlaybackDrained("r1"),
        ev.TimerFired("patience"),
    )
    assert now == Conversation()
    assert [order.status for order in orders if isinstance(order, act.Show)] == [
        Status.CONNECTING,
        Status.LISTENING,
        Status.HEARING,
        Status.THINKING,
        Status.SPEAKING,
        Status.LISTENING,
        Status.ASLEEP,
    ]
    assert orders[0] == act.OpenLink(resume_key=None)
    assert act.CloseLink() in orders


def test_the_gate_opens_at_wake_so_that_the_first_words_are_kept():
    _, orders = after(Conversation(), ev.Woken("button"))
    assert orders.index(act.DropCaptured()) < orders.index(act.SetMicGate(open=True))


def test_muting_closes_the_gate_and_forgets_what_has_not_left():
    now, orders = after(Conversation(phase=Phase.LISTENING), ev.MuteChanged(muted=True))
    assert {act.DropCaptured(), act.SetMicGate(open=False), act.Show(Status.MUTED)} <= set(orders)
    _, orders = after(now, ev.MuteChanged(muted=False))
    assert act.SetMicGate(open=True) in orders


def test_speech_over_a_reply_is_not_barge_in():
    now, orders = after(talking(), ev.SpeechStarted())
    assert (now.phase, orders) == (Phase.SPEAKING, [])


@pytest.mark.parametrize(
    ("events", "phase"),
    [
        ([], Phase.LISTENING),
        ([ev.SpeechStarted()], Phase.HEARING),
        ([ev.SpeechStarted(), ev.SpeechStopped()], Phase.LISTENING),
    ],
)
def test_an_interruption_silences_the_reply_and_cancels_its_tools(events, phase):
    now, orders = after(
        talking(tools=frozenset({"c1"})), *events, ev.ReplyDone("r1", interrupted=True)
    )
    assert now.phase is phase
    assert not now.tools
    assert {act.DropPlayback("r1"), act.CancelTools()} <= set(orders)


def test_an_interruption_of_an_earlier_reply_spares_this_one():
    now, orders = after(talking(), ev.ReplyDone("r0", interrupted=True))
    assert (now, orders) == (talking(), [act.DropPlayback("r0")])
    assert after(talking(), ev.ReplyDone("r0")) == (talking(), [])


def test_the_end_of_an_earlier_reply_is_not_the_end_of_this_one():
    assert after(talking(), ev.PlaybackDrained("r0")) == (talking(), [])


@pytest.mark.parametrize(
    ("changes", "phase"),
    [
        ({}, Phase.LISTENING),
        ({"user_speaking": True}, Phase.HEARING),
        ({"tools": frozenset({"c1"})}, Phase.THINKING),
    ],
)
def test_after_a_reply_the_next_to_act_is_shown(changes, phase):
    now, _ = after(talking(**changes), ev.ReplyDone("r1"), ev.PlaybackDrained("r1"))
    assert now.phase is phase


@pytest.mark.parametrize(
    "hush", [ev.Hushed(), ev.TalkPressed(), ev.Woken("button", interrupts=True)]
)
def test_a_reply_can_be_silenced_by_hand(hush):
    now, orders = after(talking(), hush)
    assert now.phase is Phase.LISTENING
    assert act.DropPlayback(None) in orders


@pytest.mark.parametrize("unattended", [False, True])
def test_who_only_asks_for_a_conversation_cuts_off_nothing(unattended):
    now, orders = after(talking(), ev.Woken("control", unattended=unattended))
    assert (now, orders) == (talking(), [])


@pytest.mark.parametrize("hush", [ev.Hushed(), ev.TalkPressed()])
def test_a_reply_silenced_before_it_began_is_not_heard(hush):
    now = Conversation(phase=Phase.THINKING)
    now, orders = after(now, hush, ev.ReplyStarted("r1"))
    assert now.phase is Phase.LISTENING
    assert not any(isinstance(order, act.AcceptReply) for order in orders)
    now, orders = after(now, ev.SpeechStarted(), ev.SpeechStopped(), ev.ReplyStarted("r2"))
    assert act.AcceptReply("r2") in orders


@pytest.mark.parametrize("phase", [Phase.CONNECTING, Phase.LISTENING, Phase.HEARING])
def test_the_talk_button_ends_a_conversation_in_which_nobody_answers(phase):
    now, orders = after(Conversation(phase=phase), ev.TalkPressed())
    assert now.phase is Phase.ASLEEP
    assert act.CloseLink() in orders


def test_a_tool_runs_beside_the_reply_and_its_result_is_returned():
    now, orders = after(talking(), ev.ToolCalled("c1", "get_time", {}))
    assert orders[0] == act.RunTool("c1", "get_time", {})
    _, orders = after(now, ev.ToolReturned("c1", "{}"))
    assert orders[0] == act.ReturnTool("c1", "{}", is_error=False)


def test_the_result_of_an_interrupted_turn_is_discarded():
    now, _ = after(talking(tools=frozenset({"c1"})), ev.ReplyDone("r1", interrupted=True))
    assert after(now, ev.ToolReturned("c1", "{}")) == (now, [])


def test_a_tool_called_out_of_silence_is_thinking():
    now, orders = after(Conversation(phase=Phase.LISTENING), ev.ToolCalled("c1", "t"))
    assert now.phase is Phase.THINKING
    assert act.StartTimer("patience", POLICY.tools_limit_s) in orders


def test_parting_words_are_heard_before_the_end():
    now, orders = after(talking(), ev.EndRequested(after_reply=True), ev.ReplyDone("r1"))
    now, orders = after(now, ev.PlaybackDrained("r1"))
    assert now.phase is Phase.LISTENING
    assert act.StartTimer("patience", POLICY.parting_limit_s) in orders
    now, orders = after(now, ev.ReplyStarted("r2"), ev.ReplyDone("r2"), ev.PlaybackDrained("r2"))
    assert now.phase is Phase.ASLEEP
    assert act.CloseLink() in orders


def test_a_link_lost_while_leaving_is_not_dialled_again():
    now, orders = after(talking(leaving=True), ev.LinkLost("gone"))
    assert now.phase is Phase.ASLEEP
    assert not any(isinstance(order, act.OpenLink) for order in orders)


def test_a_session_the_agent_ended_is_over():
    now, orders = after(talking(), ev.SessionEnded())
    assert now.phase is Phase.ASLEEP
    assert {act.FinishReply("r1"), act.CloseLink()} <= set(orders)


@pytest.mark.parametrize("phase", [Phase.ASLEEP, Phase.CONNECTING, *AWAKE])
def test_stopping_ends_everything(phase):
    now, orders = after(Conversation(phase=phase), ev.StopRequested())
    assert now.phase is Phase.STOPPED
    assert {act.CloseLink(), act.DropPlayback(), act.Show(Status.STOPPING)} <= set(orders)


def test_a_conversation_without_idle_timeout_waits_for_ever():
    policy = Policy(idle_timeout_s=None)
    _, orders = after(Conversation(phase=Phase.CONNECTING), ev.AgentReady("s"), policy=policy)
    assert [order.name for order in orders if isinstance(order, act.StartTimer)] == ["steady"]
    _, orders = after(Conversation(phase=Phase.HEARING), ev.SpeechStopped(), policy=policy)
    assert act.CancelTimer("patience") in orders


def test_half_duplex_closes_the_gate_while_a_reply_is_heard():
    policy = Policy(barge_in=False)
    now, orders = after(Conversation(phase=Phase.LISTENING), ev.ReplyStarted("r1"), policy=policy)
    assert act.SetMicGate(open=False) in orders
    assert not mic_gate_open(now, policy)


@pytest.mark.parametrize(
    ("event", "status"),
    [
        (ev.MicrophoneChanged(SoundFault.ABSENT), Status.NO_MICROPHONE),
        (ev.SpeakerChanged(SoundFault.ABSENT), Status.NO_SPEAKER),
    ],
)
def test_a_missing_device_is_shown_and_outlives_the_conversation(event, status):
    now, orders = after(Conversation(phase=Phase.LISTENING), event, ev.TalkPressed())
    assert status_of(now) is status
    assert [order.status for order in orders if isinstance(order, act.Show)] == [status]
