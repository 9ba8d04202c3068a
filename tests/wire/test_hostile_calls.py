"""Hostile calls are contained, and the conversation goes on (hostile_calls.py)."""

import asyncio
import time
from contextlib import asynccontextmanager

import pytest

from agentsim.assemblyai.server import serve_assemblyai
from agentsim.assemblyai.settings import Settings
from agentsim.steps import Call, Say, ToolOrder
from agentsim.timing import Timing
from tests.fakes import RecordingSpeaker, ScriptedMicrophone, ScriptedTool
from tests.flows.house import tone
from tests.hostile_tools import SECRET, HostileTool, Stubborn, name_of, never_ending
from tests.tool_turns import results
from tests.whole import converse, daemon, until
from tests.wire.hostile_calls import BRIEF, HOSTILE, harass, tools
from tests.wire.hostile_house import house
from tests.wire.pauses import steps_s
from voiced.runtime.tool_runner import MOST_AT_ONCE, MOST_WAITING

pytestmark = pytest.mark.real_time

TIMING = Timing(
    ready_s=0.05, think_s=0.05, leading_silence_s=0.0, call_done_s=0.02, end_of_turn_s=0.4
)
MANY = 100


@asynccontextmanager
async def talking(tools, caplog):
    """A daemon in conversation with a strict stand-in."""
    caplog.set_level("DEBUG", "voiced")
    microphone, speaker = ScriptedMicrophone(), RecordingSpeaker()
    stand_in = Settings(mode="strict", scenario=BRIEF, timing=TIMING)
    async with (
        serve_assemblyai(stand_in) as server,
        daemon(server.url, microphone=microphone, speaker=speaker, tools=tools) as it,
    ):
        await converse(it)
        it.microphone, it.speaker = microphone, speaker
        it.service, it.session = server.service, server.service.sessions[-1]
        yield it
        await assert_the_conversation_goes_on(it)
    assert [it.session] == it.service.sessions
    assert len(it.service.connections) == 1
    assert SECRET not in caplog.text
    assert "Traceback" not in caplog.text


async def assert_the_conversation_goes_on(it):
    await until(lambda: it.led.shown[-1] == "listening")
    it.led.shown.clear()
    it.microphone.say(tone(600))
    await until(lambda: "speaking" in it.led.shown)
    await until(lambda: it.led.shown[-1] == "listening")
    assert it.led.shown[0] == "hearing"


async def lateness_s(until_done):
    """Return for how long the loop was held at worst while a coroutine ran, in time of its processor."""
    worst_s = 0.0
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(until_done)
        while not waiting.done():
            began_s = time.thread_time()
            await asyncio.sleep(0)
            worst_s = max(worst_s, time.thread_time() - began_s)
    return worst_s


@pytest.mark.long
async def test_hostile_calls_are_contained_and_the_conversation_goes_on(caplog, tmp_path):
    assert len(HOSTILE) >= 40
    async with house(tmp_path) as there, talking(tools(there), caplog) as it:
        it.house = there
        assert await harass(it) == {}
        raw = [row for row in HOSTILE.values() if row.raw and row.comes != "nothing"]
        broken = [entry["rule"] for entry in it.service.events.find("violation")]
        assert broken == ["result-of-no-call"] * len(raw)  # which is how the raw ones were made


@pytest.mark.parametrize("what", ["answers 10 MB", "never ends", "raises ValueError"])
async def test_a_hundred_calls_in_one_reply_are_each_answered_once(what, caplog, measured):
    async with talking(tools(), caplog) as it:
        orders = [ToolOrder(name_of(what), {"x": SECRET})] * MANY
        it.session.talk.say((Call(tuple(orders)), Say("Yes.")), "own", 0)
        before_s = steps_s()
        worst_s = await lateness_s(until(lambda: len(results(it)) == MANY))
        late = worst_s / max(before_s, steps_s())
        await until(lambda: it.captions.final("agent") == ["No."])
        assert len({result["call_id"] for result in results(it)}) == MANY
        assert all(result["is_error"] for result in results(it))
        assert it.service.violations == 0
    measured(
        f"{MANY} calls at once of a tool that {what}: loop held for {worst_s * 1000:.0f} ms, {late:.2f} of the limit"
    )
    assert late < 1  # 0.1 s on a machine of today


async def test_calls_beyond_the_room_for_them_are_refused_and_never_begun(caplog):
    tool = HostileTool("never_ends", never_ending, timeout_s=1)
    async with talking([tool], caplog) as it:
        it.session.talk.say((Call((ToolOrder("never_ends"),) * MANY), Say("Yes.")), "own", 0)
        await until(lambda: len(results(it)) >= MANY - MOST_AT_ONCE - MOST_WAITING)
        assert tool.began == MOST_AT_ONCE
        await until(lambda: len(results(it)) == MANY)


async def test_a_tool_that_ignores_its_end_delays_neither_the_next_turn_nor_the_end(caplog):
    stubborn = Stubborn()
    fakes = [HostileTool("stubborn", stubborn), ScriptedTool("get_time", {"time": "12:00"})]
    async with talking(fakes, caplog) as it:
        it.session.talk.say((Call((ToolOrder("stubborn"),) * MOST_AT_ONCE), Say("No.")), "own", 0)
        await until(lambda: fakes[0].began == MOST_AT_ONCE)
        it.session.say("A reply of some length that is interrupted.")
        await until(lambda: it.led.shown[-1] == "speaking")
        it.session.interrupt()
        it.session.send("input.speech.stopped")
        it.session.call("get_time", then="It is {get_time.time}.")
        await until(lambda: "It is 12:00." in it.captions.final("agent"))
    stubborn.let_go()
    await asyncio.sleep(0.01)
