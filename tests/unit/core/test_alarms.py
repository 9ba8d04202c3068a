"""An alarm that is due: said, rung, silenced (alarms.py)."""

import dataclasses

import pytest

from tests.unit.core.test_announcements import said
from tests.unit.core.test_conversation import POLICY, after, talking
from voiced.core import actions as act
from voiced.core import events as ev
from voiced.core.earcons import Earcon
from voiced.core.events import AlarmRang, LinkLost, Loss, TimerFired
from voiced.core.state import AWAKE, Conversation, Phase, Policy, patience_s, timers

TEA, EGG = AlarmRang("a1", "say that the tea is ready"), AlarmRang("a2", "say that the egg is")
READY = ev.AgentReady("s")
LISTENING = Conversation(phase=Phase.LISTENING, resume_key="s")
GONE = LinkLost("gone")
UNABLE = Policy(announces=False)
REPLY = ev.ReplyStarted("r1"), ev.ReplyDone("r1"), ev.PlaybackDrained("r1")
PRESS, RING_OUT = ev.TalkPressed(), TimerFired("ring out")

ASLEEP_RINGING = after(Conversation(), TEA, policy=UNABLE)[0]


def rings(orders):
    return orders.count(act.PlayEarcon(Earcon.ALARM))


def settled(orders):
    return [order.alarm_id for order in orders if isinstance(order, act.SettleAlarm)]


def outcome(now, orders):
    return now.phase, now.ringing, rings(orders), said(orders), settled(orders)


def test_asleep_it_calls_the_agent_which_says_it_without_a_greeting_and_listens_briefly():
    now, orders = after(Conversation(), TEA)
    assert act.OpenLink(None, greet=False) in orders
    assert rings(orders) == 1
    now, orders = after(now, READY)
    assert outcome(now, orders) == (Phase.LISTENING, False, 0, [TEA.text], [])
    now, orders = after(now, *REPLY)
    assert (now.phase, settled(orders)) == (Phase.LISTENING, ["a1"])
    assert act.StartTimer("patience", POLICY.alarm_listen_s) in orders
    now, orders = after(now, TimerFired("patience"))
    assert now == Conversation()


def test_a_link_that_is_lost_while_an_alarm_is_announced_is_not_made_again():
    now, _ = after(Conversation(), TEA, READY, REPLY[0])
    now, orders = after(now, GONE)
    assert now.phase is Phase.ASLEEP
    assert act.CloseLink() in orders
    assert not [order for order in orders if isinstance(order, act.OpenLink)]


@pytest.mark.parametrize("wanted", [ev.SpeechStarted(), ev.Woken("kiosk")])
def test_who_speaks_after_an_alarm_is_listened_to_as_ever(wanted):
    now, _ = after(Conversation(), TEA, READY, *REPLY, wanted)
    assert not now.brief
    now = dataclasses.replace(now, phase=Phase.LISTENING)
    assert patience_s(now, POLICY) == POLICY.idle_timeout_s


def test_a_device_that_wakes_by_itself_is_nobody_who_wants_more():
    now, _ = after(Conversation(), TEA, ev.Woken("always", unattended=True))
    assert now.brief


@pytest.mark.parametrize("phase", AWAKE)
def test_awake_it_is_heard_at_once_and_said_when_nobody_speaks(phase):
    busy = dataclasses.replace(talking(), phase=phase)
    now, orders = after(busy, TEA)
    assert (rings(orders), now.phase) == (1, phase)
    assert said(orders) == ([TEA.text] if phase is Phase.LISTENING else [])
    assert not now.brief
    assert not now.ringing


def test_what_an_agent_was_asked_to_say_comes_after_what_is_due():
    now, orders = after(talking(), ev.AnnouncementRequested("dinner"), TEA, *REPLY)
    assert said(orders) == [TEA.text]
    assert now.announcements == ("dinner",)


def test_many_announcements_do_not_push_an_alarm_out():
    now, _ = after(talking(), TEA, *(ev.AnnouncementRequested(f"{n}") for n in range(20)))
    assert said(after(now, *REPLY)[1]) == [TEA.text]


def test_two_at_once_are_said_one_after_the_other():
    now, orders = after(LISTENING, TEA, EGG)
    assert (said(orders), rings(orders)) == ([TEA.text], 2)
    now, orders = after(now, *REPLY)
    assert (said(orders), settled(orders)) == ([EGG.text], ["a1"])
    now, orders = after(now, *(dataclasses.replace(event, reply_id="r2") for event in REPLY))
    assert (said(orders), settled(orders)) == ([], ["a2"])


def test_the_same_alarm_told_twice_is_one():
    assert after(LISTENING, TEA, TEA) == after(LISTENING, TEA)
    assert after(ASLEEP_RINGING, TEA, policy=UNABLE) == (ASLEEP_RINGING, [])


def test_what_the_user_spoke_over_is_said_afterwards():
    now, orders = after(LISTENING, TEA, ev.SpeechStarted(), ev.SpeechStopped())
    assert (now.announcing_alarm, settled(orders)) == ("", [])
    assert said(after(now, *REPLY)[1]) == [TEA.text]


@pytest.mark.parametrize("loss", [Loss.BROKEN, Loss.SESSION_GONE])
def test_a_lost_link_leaves_it_to_be_said(loss):
    now, _ = after(LISTENING, TEA, LinkLost("gone", loss))
    assert (now.phase, now.announcements) == (Phase.CONNECTING, ())
    assert said(after(now, READY)[1]) == [TEA.text]


def test_a_link_lost_while_it_is_said_ends_what_was_begun_only_for_it():
    now, orders = after(Conversation(), TEA, READY, ev.ReplyStarted("r1"), GONE)
    assert now.phase is Phase.ASLEEP
    assert act.FinishReply("r1") in orders
    assert orders[-2:] != [act.CloseLink()]
    assert act.CloseLink() in orders
    now, _ = after(LISTENING, TEA, ev.ReplyStarted("r1"), GONE)
    assert now.phase is Phase.CONNECTING


def test_a_link_lost_while_it_is_said_is_renewed_for_what_else_is_to_be_said():
    more = ev.AnnouncementRequested("dinner")
    now, _ = after(Conversation(), TEA, READY, ev.ReplyStarted("r1"), more, GONE)
    assert now.phase is Phase.CONNECTING
    assert said(after(now, READY)[1]) == ["dinner"]


@pytest.mark.parametrize(
    ("fault", "phase"),
    [
        ((GONE,), Phase.CONNECTING),
        ((LinkLost("bad key", Loss.REJECTED),), Phase.CONNECTING),
        ((TimerFired("alarm reach"),), Phase.CONNECTING),
        ((READY, TimerFired("alarm reply")), Phase.LISTENING),
        ((ev.SessionEnded(),), Phase.CONNECTING),
        ((READY, TimerFired("patience")), Phase.ASLEEP),
        ((READY, ev.EndRequested(after_reply=True), TimerFired("patience")), Phase.ASLEEP),
    ],
)
def test_it_rings_when_the_agent_does_not_say_it(fault, phase):
    now, orders = after(Conversation(), TEA, *fault)
    assert (now.phase, now.ringing, rings(orders)) == (phase, True, 2)
    assert {"ring", "ring out"} <= timers(now, POLICY).keys()
    now, orders = after(now, TimerFired("ring"))
    assert (now.ringing, rings(orders)) == (True, 1)
    assert act.StartTimer("ring", POLICY.ring_every_s) in orders
    now, orders = after(now, RING_OUT)
    assert (now.alarms, now.ringing, settled(orders)) == ((), False, ["a1"])
    assert now.phase is (Phase.LISTENING if phase is Phase.LISTENING else Phase.ASLEEP)
    assert (act.CloseLink() in orders) == (phase is Phase.CONNECTING)


@pytest.mark.parametrize("start", [Conversation(), LISTENING, talking()])
def test_with_an_agent_that_says_nothing_of_its_own_accord_it_rings_at_once(start):
    now, orders = after(start, TEA, policy=UNABLE)
    assert outcome(now, orders) == (start.phase, True, 1, [], [])
    assert not any(isinstance(order, act.OpenLink) for order in orders)


def test_the_agent_found_at_last_says_it_and_the_ringing_ends():
    now, orders = after(Conversation(), TEA, GONE, READY)
    assert (said(orders), now.ringing) == ([TEA.text], True)
    now, orders = after(now, ev.ReplyStarted("r1"))
    assert (now.ringing, settled(orders)) == (False, ["a1"])


def test_it_does_not_ring_into_a_conversation_that_goes_on():
    now, _ = after(LISTENING, TEA, TimerFired("alarm reply"))
    assert now.ringing
    now, _ = after(now, ev.SpeechStarted())
    assert (now.ringing, len(now.alarms)) == (False, 1)


def test_it_does_not_ring_over_a_spoken_cause():
    now, orders = after(Conversation(), ev.Woken("button"), TEA, GONE, TimerFired("ring"))
    assert (now.prompting, now.ringing, rings(orders)) == (True, True, 1)
    assert rings(after(now, ev.PromptEnded(), TimerFired("ring"))[1]) == 1


def test_another_alarm_makes_it_ring_longer():
    now, orders = after(ASLEEP_RINGING, EGG, policy=UNABLE)
    assert act.StartTimer("ring out", POLICY.ring_for_s) in orders
    assert len(now.alarms) == 2


RINGING = {
    "asleep": ASLEEP_RINGING,
    "connecting": after(Conversation(), TEA, GONE)[0],
    "listening": after(LISTENING, TEA, TimerFired("alarm reply"))[0],
    "speaking": after(talking(), TEA, policy=UNABLE)[0],
}


@pytest.mark.parametrize("where", RINGING)
@pytest.mark.parametrize(
    "hand", [PRESS, ev.Hushed(), ev.EndRequested(), ev.Woken("kiosk")], ids=lambda it: str(it)[:8]
)
def test_whoever_comes_silences_it(where, hand):
    policy = UNABLE if where in ("asleep", "speaking") else POLICY
    now, orders = after(RINGING[where], hand, policy=policy)
    assert (now.ringing, now.alarms, settled(orders)) == (False, (), ["a1"])
    assert not {"ring", "ring out", "alarm reply"} & timers(now, policy).keys()


@pytest.mark.parametrize(
    "event",
    [ev.MuteToggled(), ev.Woken("always", unattended=True), ev.EndRequested(after_reply=True)],
)
def test_nothing_else_silences_it(event):
    for ringing in RINGING.values():
        assert not settled(after(ringing, event)[1])


@pytest.mark.parametrize(
    ("where", "phase"),
    [
        ("asleep", Phase.ASLEEP),
        ("connecting", Phase.ASLEEP),
        ("listening", Phase.LISTENING),
        ("speaking", Phase.SPEAKING),
    ],
)
def test_the_press_that_silences_it_does_nothing_else(where, phase):
    now, _ = after(RINGING[where], PRESS)
    assert now.phase is phase


def test_a_press_before_it_is_said_means_that_it_was_heard():
    for so_far in ((), (READY,)):
        now, orders = after(Conversation(), TEA, *so_far, PRESS)
        assert (now, settled(orders), rings(orders)) == (Conversation(), ["a1"], 1)


def test_a_press_while_one_is_said_is_meant_for_the_next_one_too():
    now, orders = after(Conversation(), TEA, EGG, READY, ev.ReplyStarted("r1"), PRESS)
    assert (now.phase, settled(orders), said(orders)) == (
        Phase.LISTENING,
        ["a1", "a2"],
        [TEA.text],
    )


def test_a_press_while_it_rings_ends_what_was_begun_only_for_it():
    now, _ = after(Conversation(), TEA, READY, TimerFired("alarm reply"), PRESS)
    assert now == Conversation()


def test_it_rings_evenly_through_a_conversation_in_which_nobody_can_say_it():
    now, orders = after(
        RINGING["speaking"], ev.SpeechStarted(), ev.SpeechStopped(), *REPLY[1:], policy=UNABLE
    )
    assert (now.ringing, rings(orders)) == (True, 0)


@pytest.mark.parametrize("end", [PRESS, ev.EndRequested(), ev.SessionEnded()])
def test_a_conversation_that_ends_before_it_was_said_leaves_it_ringing(end):
    busy = dataclasses.replace(LISTENING, phase=Phase.HEARING, user_speaking=True)
    now, orders = after(busy, TEA, end)
    assert outcome(now, orders) == (Phase.ASLEEP, True, 2, [], [])


def test_a_mute_does_not_silence_it():
    _, orders = after(Conversation(muted=True), TEA, READY)
    assert (rings(orders), said(orders)) == (1, [TEA.text])


def test_a_process_that_stops_settles_nothing_and_rings_no_more():
    now, orders = after(RINGING["asleep"], ev.StopRequested())
    assert (settled(orders), timers(now, POLICY)) == ([], {})
    assert act.CancelTimer("ring") in orders
    now, orders = after(LISTENING, TEA, ev.StopRequested())
    assert (settled(orders), rings(orders)) == ([], 1)


def test_no_log_can_show_what_is_due():
    now, orders = after(LISTENING, AlarmRang("a1", "a secret"))
    assert "secret" not in repr([AlarmRang("a1", "a secret"), now, orders])
