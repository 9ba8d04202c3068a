"""What the agent is asked to say of its own accord (announcements.py)."""

from dataclasses import replace

import pytest

from tests.unit.core.test_conversation import after, talking
from voiced.core import actions as act
from voiced.core import events as ev
from voiced.core.announcements import MOST_WAITING
from voiced.core.events import AnnouncementRequested as Asked
from voiced.core.state import Conversation, Phase

LISTENING = Conversation(phase=Phase.LISTENING, resume_key="s")
READY = ev.AgentReady("s")


def said(orders):
    return [order.text for order in orders if isinstance(order, act.Announce)]


def reply(reply_id):
    return ev.ReplyStarted(reply_id), ev.ReplyDone(reply_id), ev.PlaybackDrained(reply_id)


def test_asleep_it_wakes_the_agent_which_does_not_greet():
    now, orders = after(Conversation(), Asked("dinner"))
    assert now.phase is Phase.CONNECTING
    [opened] = [order for order in orders if isinstance(order, act.OpenLink)]
    assert not opened.greet
    now, orders = after(now, READY)
    assert (now.phase, said(orders)) == (Phase.LISTENING, ["dinner"])


def test_one_waits_for_the_other_to_be_said():
    now, orders = after(LISTENING, Asked("one"), Asked("two"), Asked("three"))
    assert said(orders) == ["one"]
    now, orders = after(now, *reply("r1"))
    assert said(orders) == ["two"]
    now, orders = after(now, *reply("r2"), *reply("r3"))
    assert said(orders) == ["three"]
    assert (now.announcements, now.announcing) == ((), "")


def test_nobody_is_interrupted():
    for busy in (talking(), replace(LISTENING, phase=Phase.HEARING, user_speaking=True)):
        now, orders = after(busy, Asked("wait"))
        assert (said(orders), now.announcements) == ([], ("wait",))
    assert said(after(talking(), Asked("wait"), *reply("r1"))[1]) == ["wait"]


@pytest.mark.parametrize("loss", [ev.Loss.BROKEN, ev.Loss.SESSION_GONE])
def test_a_lost_link_leaves_what_was_not_begun_to_be_said(loss):
    now, _ = after(LISTENING, Asked("one"), Asked("two"), ev.LinkLost("gone", loss))
    assert now.announcements == ("one", "two")
    assert said(after(now, READY)[1]) == ["one"]
    now, _ = after(LISTENING, Asked("one"), ev.ReplyStarted("r"), ev.LinkLost("gone", loss))
    assert now.announcements == ()


def test_too_many_push_the_oldest_out():
    texts = [f"number {n}" for n in range(MOST_WAITING + 3)]
    now, _ = after(talking(), *map(Asked, texts))
    assert now.announcements == tuple(texts[3:])


def test_with_the_conversation_they_end():
    now, _ = after(LISTENING, Asked("one"), Asked("two"), ev.EndRequested())
    assert (now.announcements, now.announcing) == ((), "")
    leaving = replace(LISTENING, leaving=True)
    assert said(after(leaving, Asked("too late"))[1]) == []


def test_no_log_can_show_them():
    now, orders = after(LISTENING, Asked("a secret"), Asked("another secret"))
    assert "secret" not in repr([Asked("secret"), now, orders])
