"""Tool calls are answered once each, when the documented gate or a guard lets them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.agents.assemblyai_link import AgentLink, events, notices, sent
from voiced.agents.assemblyai.tool_result_gate import GUARD_S, LOST_DONE_S, MOST_CALLS, ToolTurn
from voiced.agents.codec import Notice, ToolSpec
from voiced.core.events import ReplyDone, ToolCalled

CLOCK = ToolSpec("get_time", "Tell the time.", timeout_s=20)


def turn_with_call(call_id="c1", **changes):
    """A link in the middle of a reply that called a tool."""
    link = AgentLink(tools=[CLOCK], **changes)
    link.ready()
    link.hear("reply.started", reply_id="r1")
    link.hear("tool.call", call_id=call_id, name="get_time", arguments={})
    return link


def answers(items):
    return [(one["call_id"], one["result"]) for one in sent(items)]


@pytest.mark.parametrize(
    ("fields", "arguments"),
    [
        ({"arguments": {"zone": "UTC"}}, {"zone": "UTC"}),
        ({"arguments": '{"zone": "UTC"}'}, {"zone": "UTC"}),
        ({"args": {"zone": "UTC"}}, {"zone": "UTC"}),
        ({"args": '{"zone": "UTC"}'}, {"zone": "UTC"}),
        ({"arguments": {}}, {}),
        ({"arguments": ""}, {}),
        ({}, {}),
    ],
)
def test_arguments_come_as_an_object_or_as_text(fields, arguments):
    link = AgentLink()
    assert link.hear("tool.call", call_id="c1", name="get_time", **fields) == [
        ToolCalled("c1", "get_time", arguments)
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "get_time", "arguments": "{"},
        {"name": "get_time", "arguments": "[1]"},
        {"name": "get_time", "arguments": [1]},
        {"name": "get_time", "arguments": 7},
        {"name": "get_time", "arguments": "[" * 100_000},
        {"name": 7, "arguments": {}},
        {"name": "", "arguments": {}},
        {"arguments": {}},
    ],
)
def test_a_malformed_call_is_answered_with_an_error_through_the_gate(fields):
    link = AgentLink()
    link.hear("reply.started", reply_id="r1")
    items = link.hear("tool.call", call_id="c1", **fields)
    assert [notice.severity for notice in notices(items)] == ["warning"]
    assert len(items) == 1
    (answer,) = sent(link.hear("reply.done", reply_id="r1"))
    assert (answer["type"], answer["call_id"], answer["is_error"]) == ("tool.result", "c1", True)
    assert "the call came" in json.loads(answer["result"])["error"]
    assert link.codec.support()["culprit"] == "c1"


def test_a_result_waits_for_the_reply_to_be_done():
    link = turn_with_call()
    assert link.result("c1", '"noon"') == []
    items = link.hear("reply.done", reply_id="r1")
    assert events(items) == [ReplyDone("r1")]
    assert sent(items) == [{"type": "tool.result", "call_id": "c1", "result": '"noon"'}]


def test_a_slow_result_is_sent_when_it_is_there_if_the_gate_is_open():
    link = turn_with_call()
    assert sent(link.hear("reply.done", reply_id="r1")) == []
    assert sent(link.result("c1", '"\ud800"', is_error=True)) == [
        {"type": "tool.result", "call_id": "c1", "result": '"?"', "is_error": True}
    ]


def test_eager_results_do_not_wait():
    link = turn_with_call(eager_tools=True)
    assert answers(link.result("c1")) == [("c1", '"ok"')]


def test_several_calls_are_answered_in_order_after_the_same_reply_done():
    link = turn_with_call("c1")
    link.hear("tool.call", call_id="c2", name="get_time", arguments={})
    assert link.result("c2", "2") == link.result("c1", "1") == []
    assert answers(link.hear("reply.done", reply_id="r1")) == [("c1", "1"), ("c2", "2")]
    assert answers(link.hear("reply.done", reply_id="r1")) == []


def test_an_interrupted_turn_takes_its_results_with_it():
    link = turn_with_call("held")
    link.hear("tool.call", call_id="running", name="get_time", arguments={})
    link.result("held")
    interrupted = link.hear("reply.done", reply_id="r1", status="interrupted")
    assert sent(interrupted) == []
    assert notices(interrupted) == [
        Notice("info", "the tool get_time had finished, but its turn was interrupted")
    ]
    assert link.result("running") == []
    assert link.codec.due_s() is None
    link.hear("reply.started", reply_id="r2")
    assert sent(link.hear("reply.done", reply_id="r2")) == []


def test_a_result_of_an_earlier_turn_outlives_an_interruption():
    link = turn_with_call("early")
    link.hear("reply.done", reply_id="r1")
    link.hear("reply.started", reply_id="r2")
    link.hear("input.speech.started")
    link.hear("reply.done", reply_id="r2", status="interrupted")
    assert link.result("early") == []
    link.hear("reply.started", reply_id="r3")
    assert answers(link.hear("reply.done", reply_id="r3")) == [("early", '"ok"')]


@pytest.mark.parametrize("again", ["running", "answered", "discarded"])
def test_a_call_id_counts_once(again):
    link = turn_with_call()
    if again == "answered":
        link.hear("reply.done", reply_id="r1")
        link.result("c1")
    if again == "discarded":
        link.hear("reply.done", reply_id="r1", status="interrupted")
    assert link.hear("tool.call", call_id="c1", name="get_time", arguments={}) == []


def test_only_the_newest_call_ids_are_remembered():
    link = AgentLink()
    link.hear("reply.started", reply_id="r1")
    link.hear("reply.done", reply_id="r1")
    for number in range(300):
        link.hear("tool.call", call_id=f"c{number}", name="x", arguments={})
        assert link.result(f"c{number}")
    assert link.hear("tool.call", call_id="c299", name="x", arguments={}) == []
    assert link.hear("tool.call", call_id="c0", name="x", arguments={}) == [
        ToolCalled("c0", "x", {})
    ]


def test_an_agent_that_takes_no_result_can_make_only_so_many_calls():
    link = AgentLink()
    link.hear("reply.started", reply_id="r1")
    for number in range(10 * MOST_CALLS):
        called = link.hear("tool.call", call_id=f"c{number}", name="x", arguments={})
        assert bool(called) == (number < MOST_CALLS)
        link.result(f"c{number}")
    assert len(sent(link.hear("reply.done", reply_id="r1"))) == MOST_CALLS


def test_a_second_result_and_that_of_an_unknown_call_are_ignored():
    link = turn_with_call()
    link.result("c1", "1")
    assert link.result("c1", "2") == []
    assert link.result("c9", "9") == []
    assert answers(link.hear("reply.done", reply_id="r1")) == [("c1", "1")]


@pytest.mark.parametrize("kind", ["session.updated", "session.ready"])
def test_tools_the_agent_runs_itself_are_neither_run_nor_answered(kind):
    link = AgentLink(session={"agent_id": "agent_1"})
    tools = [
        {"name": "weather", "http": {"url": "https://x"}},
        {"name": "pay", "deployment_id": "dep_1", "http": None},
        {"name": "get_time", "http": None, "deployment_id": None},
    ]
    link.hear(kind, session_id="sess_1", config={"tools": tools})
    assert link.hear("tool.call", call_id="c1", name="weather", arguments={}) == []
    assert link.hear("tool.call", call_id="c3", name="pay", arguments={}) == []
    assert link.hear("tool.call", call_id="c2", name="get_time", arguments={}) == [
        ToolCalled("c2", "get_time", {})
    ]


# --- the guards ---


def test_without_a_reply_after_the_user_stopped_the_result_is_sent_anyway():
    link = turn_with_call()
    link.hear("reply.done", reply_id="r1")
    link.hear("input.speech.started")
    assert link.result("c1") == []
    assert link.codec.due_s() == link.now_s + 15 + 3  # before the tool's timeout
    link.now_s += 3
    link.hear("input.speech.stopped")
    assert link.codec.due_s() == link.now_s + GUARD_S
    assert link.codec.advance(link.now_s + 0.9) == []
    assert answers(link.codec.advance(link.now_s + GUARD_S)) == [("c1", '"ok"')]
    assert link.codec.due_s() is None


def test_a_reply_after_the_user_stopped_disarms_the_guard():
    link = turn_with_call()
    link.hear("reply.done", reply_id="r1")
    link.hear("input.speech.started")
    link.result("c1")
    link.hear("input.speech.stopped")
    link.hear("reply.audio", reply_id="r2", data="AAA=")
    assert link.codec.advance(link.now_s + 5) == []
    assert answers(link.hear("reply.done", reply_id="r2")) == [("c1", '"ok"')]


def test_the_user_speaking_during_the_reply_does_not_arm_the_guard():
    link = turn_with_call()
    link.hear("input.speech.started")
    link.hear("input.speech.stopped")
    link.result("c1")
    assert link.codec.advance(link.now_s + 5) == []
    assert answers(link.hear("reply.done", reply_id="r1")) == [("c1", '"ok"')]


def test_an_interruption_after_the_user_stopped_arms_the_guard():
    link = turn_with_call("early")
    link.hear("reply.done", reply_id="r1")
    link.hear("reply.started", reply_id="r2")
    link.hear("input.speech.started")
    link.hear("input.speech.stopped")
    link.now_s += 2
    link.hear("reply.done", reply_id="r2", status="interrupted")
    assert link.result("early") == []
    assert link.codec.due_s() == link.now_s + GUARD_S


def test_a_repeated_start_or_end_of_an_old_reply_does_not_move_the_gate():
    link = turn_with_call()
    link.hear("reply.done", reply_id="r1")
    link.hear("reply.started", reply_id="r1")
    link.hear("tool.call", call_id="c2", name="get_time", arguments={})
    assert answers(link.result("c2")) == [("c2", '"ok"')]
    link.hear("input.speech.started")
    link.hear("reply.done", reply_id="r1")
    assert link.result("c1") == []
    link.hear("reply.started", reply_id="r2")
    link.hear("reply.done", reply_id="r1", status="interrupted")
    assert link.codec.advance(link.now_s + 5) == []


def test_an_old_reply_ending_late_does_not_open_the_gate_of_the_current_one():
    link = turn_with_call()
    link.hear("reply.started", reply_id="r2")
    link.result("c1")
    assert sent(link.hear("reply.done", reply_id="r1")) == []
    assert answers(link.hear("reply.done", reply_id="r2")) == [("c1", '"ok"')]


@pytest.mark.parametrize(
    ("timeout", "due_after_s"),
    [
        (20, 18.0),
        (1, 0.75),
        (300, 298.0),
        (None, 118.0),
        (0, 118.0),
        (10**400, 118.0),
        ("20", 118.0),
    ],
)
def test_a_result_is_sent_before_the_tool_times_out(timeout, due_after_s):
    link = AgentLink()
    link.ready(config={"tools": [{"name": "slow", "timeout_seconds": timeout}]})
    link.hear("input.speech.started")
    link.hear("tool.call", call_id="c1", name="slow", arguments={})
    assert link.codec.due_s() is None
    link.result("c1")
    assert link.codec.due_s() == link.now_s + due_after_s
    assert link.codec.advance(link.now_s + due_after_s - 0.01) == []
    assert answers(link.codec.advance(link.now_s + due_after_s)) == [("c1", '"ok"')]


def test_the_lost_end_of_a_reply_holds_no_result_back_for_long():
    link = turn_with_call()
    link.result("c1")
    link.now_s += 3
    link.hear("reply.audio", reply_id="r1", data="AAA=")
    due_s = link.codec.due_s()
    assert due_s == link.now_s + LOST_DONE_S
    assert link.codec.advance(due_s - 0.01) == []
    assert answers(link.codec.advance(due_s)) == [("c1", '"ok"')]


def test_an_agent_that_does_not_echo_the_tools_keeps_their_timeouts():
    link = AgentLink(tools=[CLOCK])
    link.ready(config={"tools": []})
    link.hear("tool.call", call_id="c1", name="get_time", arguments={})
    link.result("c1")
    assert link.codec.due_s() == link.now_s + 18.0


def test_a_result_after_its_deadline_is_sent_at_once():
    link = turn_with_call()
    link.now_s += 60
    assert answers(link.result("c1")) == [("c1", '"ok"')]


# --- any order of things ---

STEPS = st.one_of(
    st.tuples(st.just("call"), st.integers(0, 5)),
    st.tuples(st.just("result"), st.integers(0, 5)),
    st.tuples(st.sampled_from(["start", "done", "interrupt", "speech", "quiet"]), st.just(0)),
    st.tuples(st.just("wait"), st.sampled_from([0.4, 1.0, 7.0])),
)


@given(steps=st.lists(STEPS, max_size=60), eager=st.booleans())
def test_no_result_passes_a_closed_gate_and_none_passes_twice(steps, eager):
    turn = ToolTurn(eager=eager)
    now_s, latest, reply_open, user_speaks, quiet_s = 0.0, "", False, False, 0.0
    called_s: dict[str, float] = {}
    passed: list[str] = []

    for step, value in steps:
        out: list[str] = []
        match step:
            case "call":
                if turn.call(str(value), "tool", "r1", now_s):
                    called_s[str(value)] = now_s
            case "result":
                out = turn.give(str(value), str(value), now_s)
            case "start":
                turn.reply_started(now_s)
                latest, reply_open, quiet_s = "reply.started", True, now_s
            case "done":
                turn.reply_done()
                latest, reply_open = "reply.done", False
            case "interrupt":
                turn.reply_interrupted(now_s)
                latest, reply_open, quiet_s = "interrupted", False, now_s
            case "speech":
                turn.speech_started()
                latest, user_speaks = "input.speech.started", True
            case "quiet":
                turn.speech_stopped(now_s)
                user_speaks, quiet_s = False, now_s
            case _:
                now_s += value
        out += turn.advance(now_s)
        guarded = (
            latest in {"input.speech.started", "interrupted"}
            and not reply_open
            and not user_speaks
            and now_s >= quiet_s + GUARD_S
        )
        for call_id in out:
            late = now_s >= called_s[call_id] + 118.0
            lost = reply_open and now_s >= quiet_s + LOST_DONE_S
            assert eager or latest == "reply.done" or guarded or late or lost
        passed += out
        due_s = turn.due_s()
        assert due_s is None or due_s > now_s
    assert len(passed) == len(set(passed))


@given(st.lists(st.sampled_from(["speech", "quiet", "start", "interrupt"]), max_size=20))
def test_no_result_is_held_for_ever(steps):
    turn = ToolTurn(eager=False)
    turn.call("c1", "tool", "r0", 0.0)
    turn.give("c1", "result", 0.0)
    for step in steps:
        match step:
            case "speech":
                turn.speech_started()
            case "quiet":
                turn.speech_stopped(0.0)
            case "start":
                turn.reply_started(0.0)
            case _:
                turn.reply_interrupted(0.0)
    due_s = turn.due_s()
    assert due_s is not None
    assert due_s <= 118.0
    assert turn.advance(due_s) == ["result"]
