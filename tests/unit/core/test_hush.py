"""A turn that the user silenced before it was answered: its replies are silenced, and nothing else."""

import pytest

from tests.unit.core.test_announcements import said
from tests.unit.core.test_conversation import POLICY, after
from tests.unit.core.test_outage import timers
from voiced.core import actions as act
from voiced.core import events as ev
from voiced.core.state import Conversation, Phase

THINKING = Conversation(phase=Phase.THINKING, resume_key="s")
HUSHES = [ev.Hushed(), ev.TalkPressed()]
SAY = ev.AnnouncementRequested("dinner is ready")
ALARM = ev.AlarmRang("a1", "tea")


def accepted(orders):
    return [order.reply_id for order in orders if isinstance(order, act.AcceptReply)]


@pytest.mark.parametrize("hush", HUSHES)
@pytest.mark.parametrize("asked", [SAY, ALARM])
def test_what_is_asked_for_afterwards_is_heard(hush, asked):
    now, orders = after(THINKING, hush, ev.ReplyStarted("r1"), ev.ReplyDone("r1"))
    assert accepted(orders) == []
    now, orders = after(now, asked, ev.ReplyStarted("r2"))
    assert len(said(orders)) == 1
    assert accepted(orders) == ["r2"]
    assert now.phase is Phase.SPEAKING


@pytest.mark.parametrize("hush", HUSHES)
def test_what_is_asked_for_meanwhile_waits_for_the_silenced_reply(hush):
    now, orders = after(THINKING, hush, SAY, ev.ReplyStarted("r1"))
    assert said(orders) == []
    now, orders = after(now, ev.ReplyDone("r0"))
    assert said(orders) == []
    now, orders = after(now, ev.ReplyDone("r1"))
    assert said(orders) == ["dinner is ready"]


@pytest.mark.parametrize("begun", [(), (ev.ReplyStarted("r1"),)])
def test_a_silenced_reply_that_never_ends_holds_up_nothing_for_long(begun):
    now, orders = after(THINKING, ev.Hushed(), *begun, SAY)
    assert timers(orders)["hush"] == POLICY.silence_limit_s
    now, orders = after(now, ev.TimerFired("hush"))
    assert said(orders) == ["dinner is ready"]
    now, orders = after(now, ev.ReplyStarted("r2"))
    assert accepted(orders) == ["r2"]


R1, R2 = ev.ReplyStarted("r1"), ev.ReplyStarted("r2")
DONE = ev.ReplyDone("r1")
TOOL = (ev.ToolCalled("c1", "t"), ev.ToolReturned("c1", "{}"))


@pytest.mark.parametrize("hush", HUSHES)
@pytest.mark.parametrize(
    "replies",
    [
        (ev.TimerFired("hush"), R1),
        (R1, R2),
        (R1, DONE, R2),
        (R1, ev.TimerFired("hush"), R2),
        (R1, *TOOL, DONE, R2),
        (R1, DONE, *TOOL, R2),
        (*TOOL, R1, DONE, R2),
    ],
)
def test_every_reply_of_the_turn_is_silenced_however_late_until_the_next_turn(hush, replies):
    now, orders = after(THINKING, hush, *replies)
    assert accepted(orders) == []
    _, orders = after(now, ev.SpeechStarted(), ev.SpeechStopped(), ev.ReplyStarted("r3"))
    assert accepted(orders) == ["r3"]


def test_a_turn_whose_beginning_was_not_told_is_answered_too():
    _, orders = after(THINKING, ev.Hushed(), R1, DONE, ev.SpeechStopped(), R2)
    assert accepted(orders) == ["r2"]


def test_what_is_asked_for_waits_for_the_second_silenced_reply_too():
    now, orders = after(THINKING, ev.Hushed(), R1, DONE, *TOOL, R2, SAY)
    assert said(orders) == []
    now, orders = after(now, ev.ReplyDone("r2"), ev.ReplyStarted("r3"))
    assert said(orders) == ["dinner is ready"]
    assert accepted(orders) == ["r3"]


def test_nothing_waits_for_the_turn_once_its_silenced_reply_has_ended():
    now, _ = after(THINKING, ev.Hushed(), *TOOL, R1)
    assert now.phase is Phase.THINKING
    assert after(now, DONE)[0].phase is Phase.LISTENING
    now, _ = after(now, ev.ToolCalled("c2", "t"), DONE)
    assert now.phase is Phase.THINKING


def test_the_silenced_reply_stays_silenced_should_it_begin_twice():
    now, orders = after(THINKING, ev.Hushed(), ev.ReplyStarted("r1"), ev.ReplyStarted("r1"))
    assert (now.phase, accepted(orders)) == (Phase.LISTENING, [])


def test_a_new_turn_is_answered():
    now, orders = after(THINKING, ev.Hushed(), ev.SpeechStarted())
    assert act.CancelTimer("hush") in orders
    now, orders = after(now, ev.SpeechStopped(), ev.ReplyStarted("r2"))
    assert accepted(orders) == ["r2"]
