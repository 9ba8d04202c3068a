"""The state machine and an agent that does not go on."""

from dataclasses import replace

import pytest

from tests.unit.core.test_conversation import POLICY, after, talking
from tests.unit.core.test_outage import timers
from voiced.core import actions as act
from voiced.core import events as ev
from voiced.core.state import Conversation, Phase, Policy

SILENCE = ev.TimerFired("silence")
LISTENING = Conversation(phase=Phase.LISTENING, resume_key="s")


def test_a_reply_is_over_when_it_has_been_silent_for_too_long():
    now, orders = after(talking(), SILENCE)
    assert (now.phase, now.reply_id) == (Phase.LISTENING, None)
    assert act.DropPlayback("r1") in orders
    assert timers(orders)["patience"] == POLICY.idle_timeout_s


def test_every_reply_has_its_own_silence():
    now, orders = after(LISTENING, ev.ReplyStarted("r1"))
    assert timers(orders)["silence"] == POLICY.silence_limit_s
    _, orders = after(now, ev.ReplyStarted("r2"))
    assert timers(orders)["silence"] == POLICY.silence_limit_s


def test_no_reply_is_bounded_by_its_length():
    _, orders = after(LISTENING, ev.ReplyStarted("r1"))
    assert "patience" not in timers(orders)


def test_while_a_tool_runs_the_agent_may_be_silent_for_longer():
    now, orders = after(talking(), ev.ToolCalled("c1", "t"))
    assert timers(orders)["silence"] == POLICY.tools_limit_s
    _, orders = after(now, ev.ToolReturned("c1", "{}"))
    assert timers(orders)["silence"] == POLICY.silence_limit_s
    now, orders = after(now, SILENCE)
    assert now.phase is Phase.LISTENING
    assert act.CancelTools() in orders


def test_parting_words_without_an_end_are_the_end():
    now, orders = after(replace(talking(), leaving=True, parting=True), SILENCE)
    assert now.phase is Phase.ASLEEP
    assert act.CloseLink() in orders


@pytest.mark.parametrize("phase", [Phase.HEARING, Phase.THINKING])
def test_a_turn_without_a_sequel_is_over(phase):
    now = replace(LISTENING, phase=phase, user_speaking=phase is Phase.HEARING)
    now, _ = after(now, SILENCE)
    assert (now.phase, now.user_speaking) == (Phase.LISTENING, False)


def test_thinking_with_a_tool_has_the_tools_limit():
    _, orders = after(LISTENING, ev.ToolCalled("c1", "t"))
    assert "silence" not in timers(orders)


@pytest.mark.parametrize("phase", [Phase.CONNECTING, Phase.LISTENING, Phase.THINKING])
def test_what_is_left_of_a_cut_reply_is_given_up(phase):
    now = replace(LISTENING, phase=phase, cut_reply="r0")
    policy = Policy(barge_in=False)
    now, orders = after(now, SILENCE, policy=policy)
    assert now.cut_reply is None
    assert act.DropPlayback("r0") in orders
    assert act.StartTimer("echo", policy.echo_tail_s) in orders


def test_what_the_agent_was_asked_to_say_and_does_not_say_holds_up_nothing():
    now, orders = after(LISTENING, ev.AnnouncementRequested("one"), ev.AnnouncementRequested("two"))
    assert timers(orders)["silence"] == POLICY.silence_limit_s
    now, orders = after(now, SILENCE)
    assert act.Announce("two") in orders
    assert timers(orders)["silence"] == POLICY.silence_limit_s
    now, orders = after(now, SILENCE)
    assert now.announcing == ""
    assert orders[-1] == act.CancelTimer("silence")
