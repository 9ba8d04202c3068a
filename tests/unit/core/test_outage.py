"""The state machine while the agent cannot be had."""

import dataclasses

import pytest

from tests.unit.core.test_conversation import POLICY, after, talking
from voiced.core import actions as act
from voiced.core import events as ev
from voiced.core.actions import AT_ONCE, Pause, Status
from voiced.core.earcons import Earcon, Prompt
from voiced.core.events import LinkLost, Loss
from voiced.core.gate import mic_gate_open
from voiced.core.reconnect_delay import pause_before_next
from voiced.core.state import AWAKE, Conversation, Phase, Policy, status_of

GONE = LinkLost("gone")
BAD_KEY = LinkLost("bad key", Loss.REJECTED)
TRYING = Conversation(phase=Phase.CONNECTING, failures=3, offline=True)


def dials(orders):
    return [order for order in orders if isinstance(order, act.OpenLink)]


def sounds(orders):
    return [order.earcon for order in orders if isinstance(order, act.PlayEarcon)]


def timers(orders):
    return {o.name: o.after_s for o in orders if isinstance(o, act.StartTimer)}


@pytest.mark.parametrize("phase", AWAKE)
def test_a_drop_is_a_pause_in_which_the_session_is_resumed_at_once(phase):
    now, orders = after(Conversation(phase=phase, resume_key="sess_1"), GONE)
    assert dials(orders) == [act.OpenLink("sess_1", AT_ONCE)]
    assert timers(orders) == {"resume window": POLICY.resume_window_s}
    assert status_of(now) is Status.CONNECTING
    now, orders = after(now, GONE)
    assert status_of(now) is Status.OFFLINE
    assert "resume window" not in timers(orders)
    now, orders = after(now, ev.AgentReady("sess_1"))
    assert status_of(now) is Status.LISTENING
    assert act.CancelTimer("resume window") in orders
    assert not any(isinstance(order, act.DropCaptured) for order in orders)


def test_a_second_drop_is_handled_like_the_first():
    now, orders = after(talking(), GONE, ev.AgentReady("s"), GONE, ev.AgentReady("s"), GONE)
    assert [dial.resume_key for dial in dials(orders)] == ["s", "s", "s"]
    assert timers(orders)["resume window"] == POLICY.resume_window_s
    assert now.phase is Phase.CONNECTING


def test_attempts_to_resume_come_a_quarter_second_apart_then_twice_that_up_to_five():
    pauses = [pause_before_next(n, "s", GONE, POLICY) for n in range(9)]
    assert pauses[0] == AT_ONCE
    assert [pause.least_s for pause in pauses[1:6]] == [0.25, 0.5, 1, 2, 4]
    assert [pause.most_s for pause in pauses[1:5]] == [0.3125, 0.625, 1.25, 2.5]
    assert all(pause.most_s <= 5 for pause in pauses)
    assert all(pause.least_s < pause.most_s for pause in pauses[1:])


def test_new_sessions_are_tried_for_ever_with_full_jitter_up_to_a_minute():
    pauses = [pause_before_next(n, None, GONE, POLICY) for n in (*range(9), 10**6)]
    assert [pause.most_s for pause in pauses] == [2, 4, 8, 16, 32, 60, 60, 60, 60, 60]
    assert all(pause.least_s == 1 for pause in pauses)
    assert pause_before_next(0, None, GONE, Policy(retry_cap_s=0.5)) == Pause(0.5, 0.5)


def test_when_the_window_closes_a_new_session_is_opened():
    now, orders = after(talking(), GONE, GONE, ev.TimerFired("resume window"))
    assert dials(orders)[-1] == act.OpenLink(None, Pause(0, POLICY.window_spread_s))
    _, orders = after(now, GONE)
    assert dials(orders)[-1].resume_key is None
    _, orders = after(now, ev.NetworkBack(), ev.AgentReady("other"))
    assert act.DropCaptured(keep_s=3.0) in orders


def test_a_window_that_closes_too_late_changes_nothing():
    assert after(TRYING, ev.TimerFired("resume window")) == (TRYING, [])


def test_without_a_window_every_drop_opens_a_new_session():
    _, orders = after(talking(), GONE, policy=Policy(resume_window_s=0))
    assert dials(orders)[0].resume_key is None


def test_a_session_that_is_gone_is_forgotten_and_replaced_at_once():
    lost = LinkLost("expired", Loss.SESSION_GONE)
    now, orders = after(talking(), GONE, lost)
    assert dials(orders)[-1] == act.OpenLink(None, AT_ONCE)
    assert act.CancelTimer("resume window") in orders
    assert now.resume_key is None


def test_what_was_mended_is_tried_at_once():
    lost = LinkLost("mended", Loss.MENDED)
    assert dials(after(talking(), lost)[1]) == [act.OpenLink("s", AT_ONCE)]


def test_a_busy_agent_is_left_alone_for_as_long_as_it_asks():
    lost = LinkLost("full", Loss.BUSY, wait_s=30)
    now, orders = after(Conversation(phase=Phase.CONNECTING), lost)
    assert dials(orders) == [act.OpenLink(None, Pause(31, 32))]
    assert status_of(now) is Status.OFFLINE


def test_the_first_words_of_a_conversation_are_kept_in_full():
    _, orders = after(Conversation(), ev.Woken("button"), ev.AgentReady("s"))
    assert orders.count(act.DropCaptured()) == 1  # at wake
    assert act.DropCaptured(keep_s=3.0) not in orders


@pytest.mark.parametrize("phase", [Phase.CONNECTING, *AWAKE])
def test_a_refusal_is_shown_and_tried_again_slowly(phase):
    now, orders = after(Conversation(phase=phase, resume_key="s"), BAD_KEY)
    assert dials(orders) == [act.OpenLink(None, Pause(900, 1125))]
    assert status_of(now) is Status.REJECTED
    assert not mic_gate_open(now, POLICY)
    now, _ = after(now, GONE)
    assert status_of(now) is Status.REJECTED
    now, _ = after(now, ev.AgentReady("s"), ev.PromptEnded())
    assert status_of(now) is Status.LISTENING
    assert mic_gate_open(now, POLICY)


def test_a_refused_device_tries_at_once_when_the_owner_has_acted():
    refused, _ = after(Conversation(phase=Phase.CONNECTING), BAD_KEY)
    assert after(refused, ev.OwnerActed())[1] == [act.HurryLink(None)]
    assert after(refused, ev.NetworkBack()) == (refused, [])


def test_a_network_that_comes_back_is_used_at_once_and_the_waits_start_over():
    now, orders = after(TRYING, ev.NetworkBack())
    assert orders == [act.HurryLink(None)]
    assert now.failures == 0
    now, orders = after(dataclasses.replace(TRYING, resume_key="s"), ev.NetworkBack())
    assert orders == [act.HurryLink("s")]


def test_a_network_that_comes_back_has_nothing_to_do_with_a_server_that_was_reached():
    for lost in (LinkLost("full", Loss.BUSY), LinkLost("quota", Loss.ENDED)):
        now, _ = after(TRYING, lost)
        assert after(now, ev.NetworkBack()) == (now, [])
        assert act.HurryLink(None) in after(now, ev.OwnerActed())[1]
    now, _ = after(TRYING, LinkLost("1011", reached=True))
    now, orders = after(now, ev.NetworkBack())
    assert orders == [act.HurryLink(None)]
    assert now.failures == TRYING.failures + 1
    now, _ = after(now, GONE, ev.NetworkBack())
    assert now.failures == 0


@pytest.mark.parametrize(
    "again",
    [
        (LinkLost("x", Loss.SESSION_GONE),),
        (GONE, LinkLost("expired", Loss.SESSION_GONE)),
        (GONE, ev.TimerFired("resume window")),
        (GONE, ev.TimerFired("resume window"), GONE),
        (GONE, ev.TimerFired("resume window"), ev.NetworkBack()),
        (GONE, ev.TimerFired("resume window"), ev.Woken("button")),
        (LinkLost("ended", Loss.ENDED),),
    ],
)
def test_an_agent_that_has_greeted_does_not_greet_again_in_one_conversation(again):
    now, _ = after(Conversation(), ev.Woken("button"), ev.AgentReady("s"))
    _, orders = after(now, *again)
    opened = [o for o in orders if isinstance(o, act.OpenLink | act.HurryLink)]
    assert opened
    assert [o.greet for o in opened if o.resume_key is None] == [False] * len(
        [o for o in opened if o.resume_key is None]
    )
    now, orders = after(now, ev.EndRequested(), ev.Woken("button"))
    assert dials(orders)[0].greet


def test_an_agent_that_was_not_reached_yet_greets_when_it_is():
    _, orders = after(Conversation(), ev.Woken("button"), GONE, ev.Woken("button"))
    assert [o.greet for o in orders if isinstance(o, act.OpenLink | act.HurryLink)] == [True] * 3


@pytest.mark.parametrize("asked", [ev.AnnouncementRequested("dinner"), ev.AlarmRang("a", "tea")])
def test_who_is_called_to_say_something_does_not_greet_at_the_next_attempt_either(asked):
    _, orders = after(Conversation(), asked, GONE, ev.NetworkBack())
    opened = [o.greet for o in orders if isinstance(o, act.OpenLink | act.HurryLink)]
    assert opened == [False] * 3


def test_a_session_that_replaces_another_does_not_greet():
    now = Conversation(phase=Phase.LISTENING, stale=True, unattended=True)
    now, orders = after(now, ev.TimerFired("quiet"), GONE)
    assert [dial.greet for dial in dials(orders)] == [False, False]
    assert now.unattended


@pytest.mark.parametrize("press", [ev.TalkPressed(), ev.Woken("button")])
@pytest.mark.parametrize(
    ("flag", "cue"),
    [
        ("offline", act.PlayEarcon(Earcon.OFFLINE, Prompt.OFFLINE)),
        ("refused", act.PlayEarcon(Earcon.ERROR, Prompt.REJECTED)),
    ],
)
def test_wake_pressed_in_an_outage_is_answered_audibly_and_tried_at_once(press, flag, cue):
    trying = Conversation(phase=Phase.CONNECTING, resume_key="s", **{flag: True})
    now, orders = after(trying, press)
    assert orders[:2] == [cue, act.HurryLink("s")]
    assert (now.phase, now.resume_key, now.prompting) == (trying.phase, "s", True)
    assert sounds(after(now, GONE)[1]) == []


@pytest.mark.parametrize("press", [ev.TalkPressed(), ev.Woken("button")])
@pytest.mark.parametrize(("lost", "earcon"), [(GONE, Earcon.OFFLINE), (BAD_KEY, Earcon.ERROR)])
def test_a_person_who_wakes_the_device_in_vain_hears_why_once(press, lost, earcon):
    _, orders = after(Conversation(), press, lost, lost, lost)
    assert sounds(orders) == [Earcon.WAKE, earcon]


def test_nobody_is_told_in_the_middle_of_the_night():
    always = ev.Woken("always", unattended=True)
    _, orders = after(Conversation(), always, GONE, BAD_KEY, always)
    assert sounds(orders) == []
    assert act.HurryLink(None) in orders


def test_a_drop_in_the_middle_makes_no_sound():
    woken = after(Conversation(), ev.Woken("button"), ev.AgentReady("s"))[0]
    assert sounds(after(woken, GONE, GONE)[1]) == []


def test_a_device_woken_while_it_connects_goes_on_connecting():
    now = Conversation(phase=Phase.CONNECTING)
    assert after(now, ev.Woken("button")) == (now, [])


def test_only_a_link_that_held_for_a_while_ends_the_backoff():
    now, orders = after(talking(), GONE, ev.AgentReady("s"))
    assert timers(orders)["steady"] == POLICY.steady_s
    assert dials(after(now, GONE)[1])[0].pause.least_s > 0
    now, _ = after(now, ev.TimerFired("steady"))
    assert dials(after(now, GONE)[1])[0].pause == AT_ONCE


def test_a_reply_cut_by_a_lost_link_is_heard_as_far_as_it_came():
    now, orders = after(talking(), GONE)
    assert act.FinishReply("r1") in orders
    assert not any(isinstance(order, act.DropPlayback) for order in orders)
    assert now.cut_reply == "r1"
    assert after(now, ev.PlaybackDrained("r0"))[0].cut_reply == "r1"
    assert after(now, ev.PlaybackDrained("r1"))[0].cut_reply is None


def test_without_echo_cancellation_the_gate_stays_closed_until_a_cut_reply_was_heard():
    policy = Policy(barge_in=False)
    now, orders = after(talking(), GONE, policy=policy)
    assert act.SetMicGate(open=True) not in orders
    now, orders = after(now, ev.AgentReady("s"), ev.PlaybackDrained("r1"), policy=policy)
    assert act.SetMicGate(open=True) not in orders
    assert act.StartTimer("echo", policy.echo_tail_s) in orders
    now, orders = after(now, ev.TimerFired("echo"), policy=policy)
    assert act.SetMicGate(open=True) in orders
    now, _ = after(talking(), GONE, ev.AgentReady("s"), ev.ReplyStarted("r2"), policy=policy)
    assert now.cut_reply is None


def test_tools_of_a_lost_link_are_cancelled():
    now, orders = after(talking(tools=frozenset({"c1"})), GONE, ev.AgentReady("s"))
    assert act.CancelTools() in orders
    assert after(now, ev.ToolReturned("c1", "{}")) == (now, [])


@pytest.mark.parametrize(("lifetime_s", "renewed_s"), [(3600.0, 3300.0), (400.0, 200.0)])
def test_a_session_is_replaced_in_a_quiet_moment_before_it_ends(lifetime_s, renewed_s):
    policy = Policy(idle_timeout_s=None)
    now = Conversation(phase=Phase.CONNECTING)
    now, orders = after(now, ev.AgentReady("s", lifetime_s), policy=policy)
    assert timers(orders)["renewal"] == renewed_s
    now, _ = after(now, ev.SpeechStarted(), policy=policy)
    now, orders = after(now, ev.TimerFired("renewal"), policy=policy)
    assert "renewal" not in timers(orders)
    now, orders = after(now, ev.SpeechStopped(), ev.ReplyStarted("r"), policy=policy)
    assert "quiet" not in timers(orders)
    now, orders = after(now, ev.ReplyDone("r"), ev.PlaybackDrained("r"), policy=policy)
    assert timers(orders)["quiet"] == policy.quiet_s
    _, orders = after(now, ev.SpeechStarted(), policy=policy)
    assert act.CancelTimer("quiet") in orders
    now, orders = after(now, ev.TimerFired("quiet"), policy=policy)
    assert dials(orders) == [act.OpenLink(None, AT_ONCE, greet=False)]
    assert now.phase is Phase.CONNECTING


def test_a_session_of_unknown_length_is_not_replaced():
    _, orders = after(Conversation(phase=Phase.CONNECTING), ev.AgentReady("s"))
    assert "renewal" not in timers(orders)


def test_an_unknown_timer_changes_nothing():
    now = Conversation(phase=Phase.LISTENING)
    assert after(now, ev.TimerFired("lunch")) == (now, [])
