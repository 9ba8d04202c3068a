"""What becomes of tool calls in a conversation: each scenario is a flow, and runs over sockets.

A scenario is given a stage: `service` and `session` of a strict stand-in agent, the daemon's
`runtime`, `microphone`, `captions` and `tools`, and the `log`.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentsim.scenario import Scenario as Script
from agentsim.steps import Call, Say, ToolOrder
from tests.fakes import ScriptedTool
from tests.flows.house import tone
from tests.whole import until
from voiced.core.state import Phase

TIMING = {"call_done_s": 0.4, "think_s": 0.05, "leading_silence_s": 0.0}
SORRY = "Sorry, that did not work."
CLOCK = {"time": "12:00"}


@dataclass(frozen=True)
class Scenario:
    """One sentence about tool turns.

    Attributes:
        play: Plays it on a stage, and looks.
        tools: Makes the tools of the daemon.
        stand_in: What sets up the stand-in agent.
        agent: What sets up the daemon's agent.
        violations: The rules of the documents that the daemon breaks on purpose.
    """

    play: Callable[..., Any]
    tools: Callable[[], Sequence[ScriptedTool]] = lambda: [ScriptedTool("get_time", CLOCK)]
    stand_in: Mapping[str, Any] = field(default_factory=dict)
    agent: Mapping[str, Any] = field(default_factory=dict)
    violations: Sequence[str] = ()


SCENARIOS: dict[str, Scenario] = {}


def scenario(**options):
    """Put what is decorated into the table, by its name."""

    def register(play):
        SCENARIOS[play.__name__] = Scenario(play, **options)
        return play

    return register


def judge(it, wanted):
    """Look at what the strict stand-in counted."""
    broken = [entry["rule"] for entry in it.service.events.find("violation")]
    assert broken == list(wanted.violations)
    assert it.service.violations == len(wanted.violations)


def told(it, event, kind, **fields):
    """Return at which places of the log an event of a kind is."""
    return [
        place
        for place, entry in enumerate(it.service.events)
        if entry.items() >= {"event": event, "type": kind, **fields}.items()
    ]


def results(it):
    """Return what the agent was given, in its order."""
    return it.service.events.find("received", type="tool.result")


def call(it, *names, then="Done."):
    """Have the agent call tools in one reply."""
    orders = tuple(ToolOrder(name, {}) for name in names)
    it.session.talk.say((Call(orders), Say(then)), "own", 0)


async def heard(it, *texts):
    """Wait until the agent has said this, and nothing else since the beginning."""
    await until(lambda: len(it.captions.final("agent")) >= len(texts))
    await until(lambda: it.runtime.conversation.phase is Phase.LISTENING)
    assert it.captions.final("agent") == list(texts)


@scenario()
async def a_result_is_held_until_the_reply_that_asked_is_done(it):
    call(it, "get_time", then="It is {get_time.time}.")
    await until(lambda: it.tools["get_time"].finished)
    await asyncio.sleep(0.2)
    assert not results(it)
    await heard(it, "It is 12:00.")
    [done, _] = told(it, "sent", "reply.done")
    [result] = told(it, "received", "tool.result")
    assert done < result


@scenario(agent={"eager_tools": True}, violations=["result-outside-the-gate"])
async def an_eager_result_does_not_wait_for_the_reply(it):
    call(it, "get_time", then="It is {get_time.time}.")
    await heard(it, "It is 12:00.")
    [done, _] = told(it, "sent", "reply.done")
    [result] = told(it, "received", "tool.result")
    assert result < done


@scenario(
    tools=lambda: [
        ScriptedTool("early", 1),
        ScriptedTool("late", 2, delay_s=0.8),
        ScriptedTool("between", 3, delay_s=0.2),
    ]
)
async def several_calls_of_one_reply_are_each_answered_after_it(it):
    call(it, "late", "early", "between", "early", then="{late}, {early}, {between}.")
    await heard(it, "two, one, three.")
    ids = [result["call_id"] for result in results(it)]
    assert len(set(ids)) == len(ids) == 4
    assert told(it, "sent", "reply.done")[0] < told(it, "received", "tool.result")[0]


@scenario(tools=lambda: [ScriptedTool("quick", 1), ScriptedTool("slow", 2, delay_s=1)])
async def an_interruption_drops_the_results_of_its_turn_and_of_no_other(it):
    call(it, "quick", "slow")
    await until(lambda: it.tools["quick"].finished)
    await asyncio.sleep(0.1)
    it.session.interrupt()
    it.session.send("input.speech.stopped")
    await asyncio.sleep(1.5)
    assert not results(it)
    assert not it.tools["slow"].finished
    assert "quick had finished, but its turn was interrupted" in it.log.text
    assert "slow may have acted, but its turn was interrupted" in it.log.text
    call(it, "quick", then="Later.")
    await until(lambda: it.captions.final("agent")[-1:] == ["Later."])
    assert len(results(it)) == 1


@scenario(tools=lambda: [ScriptedTool("slow", delay_s=1.2)])
async def a_slow_result_follows_when_it_is_there(it):
    call(it, "slow")
    await until(lambda: told(it, "sent", "reply.done"))
    await asyncio.sleep(0.3)
    assert not results(it)
    assert it.runtime.conversation.phase is Phase.THINKING
    await heard(it, "Done.")
    assert it.tools["slow"].finished == len(results(it)) == 1


@scenario(tools=lambda: [ScriptedTool("slow", delay_s=1)])
async def a_slow_result_does_not_break_into_another_reply(it):
    call(it, "slow")
    await until(lambda: told(it, "sent", "reply.done"))
    it.session.say("Something else, of some length.")
    await until(lambda: it.tools["slow"].finished)
    await asyncio.sleep(0.2)
    assert not results(it)
    await heard(it, "Something else, of some length.", "Done.")
    assert told(it, "sent", "reply.done")[1] < told(it, "received", "tool.result")[0]


@scenario(tools=lambda: [ScriptedTool("late", delay_s=60, timeout_s=2)])
async def a_tool_that_takes_too_long_is_apologised_for_in_time(it):
    call(it, "late")
    await heard(it, SORRY)
    assert [result["is_error"] for result in results(it)] == [True]
    assert not it.service.events.find("tool_timeout")
    await asyncio.sleep(0.6)
    assert len(results(it)) == 1


@scenario(
    tools=lambda: [ScriptedTool("get_time", CLOCK, delay_s=1.2)],
    stand_in={"faults": ["silent-agent"]},
)
async def a_gate_that_the_user_shut_and_no_reply_opens_is_passed_in_time(it):
    call(it, "get_time")
    await until(lambda: told(it, "sent", "reply.done"))
    it.microphone.say(tone(700))
    await until(lambda: it.tools["get_time"].finished)
    await until(lambda: told(it, "sent", "input.speech.stopped"))
    assert not results(it)
    await heard(it, "Done.")
    [stopped] = it.service.events.find("sent", type="input.speech.stopped")
    [result] = results(it)
    assert 0.9 < result["t"] - stopped["t"] < 2


@scenario(tools=lambda: [ScriptedTool("order", delay_s=1, execution_mode="hold")])
async def a_tool_on_hold_keeps_the_agent_silent_until_its_result(it):
    assert [tool["execution_mode"] for tool in it.session.config["tools"]] == ["hold"]
    call(it, "order")
    await until(lambda: told(it, "sent", "reply.done"))
    it.session.say("And now to something else.")
    await until(lambda: it.tools["order"].finished)
    assert it.captions.final("agent") == []
    await heard(it, "Done.", "And now to something else.")
    assert len(results(it)) == 1


STORED = {
    "system_prompt": "Be brief.",
    "tools": [
        {"type": "function", "name": "weather", "http": {"url": "https://weather.test"}},
        {"type": "function", "name": "get_time"},
    ],
}


@scenario(
    stand_in={"scenario": Script(agents={"agent_1": STORED})},
    agent={"session": {"agent_id": "agent_1"}},
    tools=lambda: [ScriptedTool("get_time", CLOCK), ScriptedTool("weather", "sunny")],
)
async def a_call_that_the_agent_only_tells_of_is_never_answered(it):
    call(it, "weather", then="It is sunny.")
    await heard(it, "It is sunny.")
    assert not results(it)
    assert it.tools["weather"].calls == []
    call(it, "weather", "get_time", then="It is {get_time.time}.")
    await heard(it, "It is sunny.", "It is 12:00.")
    assert len(results(it)) == 1
