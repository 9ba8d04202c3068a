"""A turn that the user silenced before it was answered: its reply is silenced, and nothing else."""

import pytest

from tests.unit.core.test_announce import said
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


def test_another_reply_is_heard_while_the_silenced_one_goes_on():
    now, orders = after(THINKING, ev.Hushed(), ev.ReplyStarted("r1"), ev.ReplyStarted("r2"))
    assert accepted(orders) == ["r2"]
    now, _ = after(now, ev.ReplyDone("r1"))
    assert (now.phase, now.silenced) == (Phase.SPEAKING, None)


def test_the_silenced_reply_stays_silenced_should_it_begin_twice():
    now, orders = after(THINKING, ev.Hushed(), ev.ReplyStarted("r1"), ev.ReplyStarted("r1"))
    assert (now.phase, accepted(orders)) == (Phase.LISTENING, [])


def test_a_new_turn_is_answered():
    now, orders = after(THINKING, ev.Hushed(), ev.SpeechStarted())
    assert act.CancelTimer("hush") in orders
    now, orders = after(now, ev.SpeechStopped(), ev.ReplyStarted("r2"))
    assert accepted(orders) == ["r2"]
