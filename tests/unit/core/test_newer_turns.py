"""A reply to a newer turn, and replies of the same one."""

from dataclasses import replace

import pytest

from tests.unit.core.test_conversation import after, talking
from voiced.core import actions as act
from voiced.core import events as ev
from voiced.core.state import Conversation, Phase

THINKING = Conversation(phase=Phase.THINKING, resume_key="s")
TURN = (ev.SpeechStarted(), ev.SpeechStopped())


def dropped(orders):
    return [order for order in orders if isinstance(order, act.DropPlayback)]


def test_the_answer_to_a_newer_turn_drops_what_is_left_of_the_older_reply():
    now, orders = after(talking(), ev.ReplyDone("r1"), *TURN, ev.ReplyStarted("r2"))
    assert orders.index(act.DropPlayback()) < orders.index(act.AcceptReply("r2"))
    _, orders = after(now, ev.ReplyStarted("r3"))
    assert dropped(orders) == []


def test_replies_of_one_turn_follow_each_other():
    assert dropped(after(talking(), ev.ReplyDone("r1"), ev.ReplyStarted("r2"))[1]) == []
    still_speaks = (ev.SpeechStarted(), ev.ReplyStarted("r2"))
    assert dropped(after(talking(), *still_speaks)[1]) == []


def test_the_answer_to_a_tool_follows_although_the_user_said_something_in_between():
    tool = (ev.ToolCalled("c1", "t"), ev.ReplyDone("r1"), *TURN, ev.ToolReturned("c1", "{}"))
    now, orders = after(talking(), *tool, ev.ReplyStarted("r2"))
    assert dropped(orders) == []
    assert act.DropPlayback() in after(now, ev.ReplyStarted("r3"))[1]


@pytest.mark.parametrize("phase", [Phase.LISTENING, Phase.SPEAKING])
@pytest.mark.parametrize("first", [("answer",), ("tool", "answer"), ("answer", "tool")])
def test_all_replies_of_a_turn_with_tools_follow_each_other_and_drop_what_is_older(phase, first):
    """The same whether the turn has tools, or an older one had, and whatever is left to be heard."""
    kinds = {
        "tool": (ev.ToolCalled("c1", "t"), ev.ToolReturned("c1", "{}")),
        "answer": (ev.ReplyStarted("r2"), ev.ReplyDone("r2")),
    }
    older = (ev.ToolCalled("c0", "t"), ev.ReplyDone("r1"), ev.ToolReturned("c0", "{}"))
    left = [order for kind in first for order in kinds[kind]]
    before = talking() if phase is Phase.SPEAKING else Conversation(phase=phase)
    for begun in (older, older[1:2]):
        now, orders = after(before, *(begun if phase is Phase.SPEAKING else ()), *TURN, *left)
        assert dropped(orders) == ([act.DropPlayback()] if phase is Phase.SPEAKING else [])
        _, orders = after(now, ev.ReplyStarted("r3"), ev.ReplyDone("r3"), ev.ReplyStarted("r4"))
        assert dropped(orders) == []


def test_what_is_left_of_a_cut_reply_gives_way_as_well():
    now = replace(THINKING, phase=Phase.LISTENING, cut_reply="r0")
    assert act.DropPlayback() in after(now, *TURN, ev.ReplyStarted("r1"))[1]
    assert dropped(after(now, ev.ReplyStarted("r1"))[1]) == []


def test_the_first_reply_of_a_turn_has_nothing_to_drop():
    assert dropped(after(THINKING, *TURN, ev.ReplyStarted("r1"))[1]) == []
