"""Tools run beside the conversation and within limits (tool_runner.py)."""

import asyncio
import json
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest

from tests.fakes import ScriptedTool
from tests.hostile_tools import BEHAVIOURS, SECRET, HostileTool, Stubborn, never_ending
from voiced.core.actions import RunTool
from voiced.runtime.tool_runner import (
    LARGEST_ARGUMENTS,
    LEAVE_S,
    LONGEST_ANSWER,
    LONGEST_SENTENCE,
    MOST_AT_ONCE,
    MOST_STUCK,
    MOST_WAITING,
    TOOL_SHARE,
    ToolCalls,
)

ROOM = MOST_AT_ONCE + MOST_WAITING


@asynccontextmanager
async def calling(*tools):
    """Call tools as a daemon does; end them as its end does."""
    it = SimpleNamespace(answers={}, n_called=0, now=asyncio.get_running_loop().time)

    def returned(event):
        assert event.call_id not in it.answers
        it.answers[event.call_id] = (json.loads(event.result), event.is_error)

    it.calls = ToolCalls({tool.spec.name: tool for tool in tools}, None, returned)

    def call(name, arguments=None, times=1):
        for _ in range(times):
            it.n_called += 1
            it.calls.begin(RunTool(f"c{it.n_called}", name, arguments or {}), group)

    async with asyncio.TaskGroup() as group:
        it.call = call
        yield it
        await it.calls.end()


def apologies(it):
    return [answer["error"] for answer, is_error in it.answers.values() if is_error]


@pytest.mark.parametrize("behaviour", BEHAVIOURS.values(), ids=BEHAVIOURS)
async def test_whatever_a_tool_does_the_agent_gets_one_short_sentence(behaviour, caplog):
    caplog.set_level("DEBUG")
    async with calling(HostileTool("t", behaviour.do, behaviour.timeout_s)) as it:
        it.call("t", {"x": SECRET})
        await asyncio.sleep(2)
        [sentence] = apologies(it)
        assert behaviour.told in sentence
        assert len(sentence) <= LONGEST_SENTENCE
    assert SECRET not in caplog.text
    assert "Traceback" not in caplog.text


async def test_an_answer_of_the_full_length_is_returned_whole():
    whole = "x" * (LONGEST_ANSWER - 2)
    async with calling(ScriptedTool("t", whole)) as it:
        it.call("t")
        await asyncio.sleep(0)
        await asyncio.sleep(1)
        assert it.answers == {"c1": (whole, False)}


@pytest.mark.parametrize(
    "arguments",
    [
        {"x": SECRET * LARGEST_ARGUMENTS},
        {"x": [0] * LARGEST_ARGUMENTS},
        {str(n): n for n in range(LARGEST_ARGUMENTS)},
        {"x": json.loads("[" * 500 + "]" * 500)},
    ],
    ids=["text", "list", "keys", "deep"],
)
async def test_too_large_arguments_do_not_reach_the_tool(arguments):
    tool = ScriptedTool("t")
    async with calling(tool) as it:
        it.call("t", arguments)
        await asyncio.sleep(1)
        assert apologies(it) == ["That is too much for t: the arguments are too large."]
        assert tool.calls == []


async def test_a_few_calls_run_at_once_and_the_others_in_turn():
    tool = ScriptedTool("t", delay_s=1)
    async with calling(tool) as it:
        it.call("t", times=3 * MOST_AT_ONCE)
        for rounds in range(1, 4):
            await asyncio.sleep(0.5)
            assert len(tool.calls) == rounds * MOST_AT_ONCE
            await asyncio.sleep(0.5 + 0.01)
        assert len(it.answers) == 3 * MOST_AT_ONCE


async def test_calls_for_which_there_is_no_room_are_refused_at_once():
    async with calling(HostileTool("t", never_ending)) as it:
        it.call("t", times=ROOM + 3)
        assert apologies(it) == ["Too many calls are waiting. Try again later."] * 3


async def test_the_wait_for_a_turn_is_part_of_a_tools_time():
    slow, quick = (
        ScriptedTool("slow", delay_s=20, timeout_s=120),
        ScriptedTool("quick", timeout_s=10),
    )
    async with calling(slow, quick) as it:
        it.call("slow", times=MOST_AT_ONCE)
        it.call("quick")
        await asyncio.sleep(TOOL_SHARE * 10 + 0.01)
        assert apologies(it) == ["quick took too long."]
        await asyncio.sleep(30)
        assert quick.calls == []


async def test_an_unknown_tool_is_answered_at_once():
    async with calling() as it:
        it.call("order_pizza")
        assert apologies(it) == ["there is no tool named 'order_pizza'"]


async def test_of_calls_cut_short_those_that_may_have_acted_are_logged(caplog):
    caplog.set_level("INFO")
    async with calling(ScriptedTool("t", delay_s=1)) as it:
        it.call("t", {"x": SECRET}, times=MOST_AT_ONCE + 1)
        await asyncio.sleep(0.5)
        it.calls.cancel()
        await asyncio.sleep(1)
        assert it.answers == {}
    said = "the tool t may have acted, but its turn was interrupted"
    assert caplog.messages == [said] * MOST_AT_ONCE


async def test_a_tool_that_had_finished_when_its_turn_was_cut_short_is_logged_as_such(caplog):
    caplog.set_level("INFO")
    async with calling() as it:

        async def cut_short(arguments):
            it.calls.cancel()

        it.calls.tools = {"t": HostileTool("t", cut_short)}
        it.call("t")
        await asyncio.sleep(1)
        assert it.answers == {}
    assert caplog.messages == ["the tool t had finished, but its turn was interrupted"]


async def test_a_tool_that_ignores_its_end_is_left_alone_and_the_next_calls_run():
    stubborn = Stubborn()
    tools = [HostileTool("stubborn", stubborn, timeout_s=10), ScriptedTool("t")]
    async with calling(*tools) as it:
        it.call("stubborn", times=MOST_AT_ONCE)
        await asyncio.sleep(1)
        it.calls.cancel()
        it.call("t")
        await asyncio.sleep(0.1)
        assert list(it.answers) == [f"c{MOST_AT_ONCE + 1}"]
        stubborn.let_go()


async def test_a_tool_that_hangs_again_and_again_is_not_called_any_more():
    stubborn = Stubborn()
    tool = HostileTool("stubborn", stubborn, timeout_s=10)
    async with calling(tool, ScriptedTool("t")) as it:
        for _ in range(MOST_STUCK + 2):
            it.call("stubborn")
            await asyncio.sleep(10)
        assert tool.began == MOST_STUCK
        assert apologies(it)[-1] == "stubborn hangs: earlier calls of it have not ended."
        stubborn.let_go()
        await asyncio.sleep(1)
        it.call("stubborn")
        await asyncio.sleep(1)
        assert tool.began == MOST_STUCK + 1


async def test_tools_may_clear_up_before_the_end():
    cleared = []

    async def tidy(arguments):
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(LEAVE_S / 2)
            cleared.append(True)

    async with calling(HostileTool("tidy", tidy)) as it:
        it.call("tidy", times=2)
        await asyncio.sleep(1)
        began_s = it.now()
    assert cleared == [True, True]
    assert it.now() - began_s < LEAVE_S


async def test_the_end_does_not_wait_for_a_tool_that_ignores_it(caplog):
    stubborn = Stubborn()
    async with calling(HostileTool("stubborn", stubborn)) as it:
        it.call("stubborn")
        await asyncio.sleep(1)
        began_s = it.now()
    assert it.now() - began_s < LEAVE_S + 0.01
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert caplog.messages[-1] == "the tool stubborn does not end and is abandoned"
    stubborn.let_go()
    await asyncio.sleep(0)
