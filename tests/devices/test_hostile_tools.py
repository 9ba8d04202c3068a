"""The agent's calls and the device's tools go mad while somebody talks: nobody hears of it."""

import asyncio

import pytest

from agentsim.assemblyai.server import serve_assemblyai
from agentsim.assemblyai.settings import Settings
from agentsim.steps import Call, Say, ToolOrder
from agentsim.timing import Timing
from tests.devices.interrupting import silenced_ms
from tests.devices.loop_lateness import LoopLateness
from tests.devices.rig import percentile
from tests.devices.test_conversation import AUDIO
from tests.hostile_tools import BEHAVIOURS, SECRET, HostileTool, Stubborn, name_of
from tests.tool_turns import results
from tests.whole import converse, daemon, until
from tests.wire.hostile_calls import BRIEF, HOSTILE, harass, tools
from tests.wire.hostile_declared import REQUESTS, WORDS
from tests.wire.hostile_house import LATE, PROGRAMS, SERVICES, house
from voiced.audio.start_threshold import FLOOR_MS

pytestmark = pytest.mark.real_time

# Whoever is interrupted as often as here hears its own voice, says the guard against echo.
APART = type(AUDIO)(capture=AUDIO.capture, playback=AUDIO.playback, echo="headphones")
QUICK = Timing(ready_s=0.05, think_s=0.05, leading_silence_s=0.0, call_done_s=0.02)
LOOP_LATE_MS = 100  # as beside MCP servers: of it the agent hears as much later
ROUNDS = (
    [*map(name_of, BEHAVIOURS), "stubborn"],
    [*PROGRAMS, *SERVICES],
    [*LATE, *LATE, "stubborn"],
)
"""Tools that are called at once: broken ones, declared ones, and those of them that never end."""


_WORDS = [*WORDS, *REQUESTS]
HEARD = {name: row for name, row in HOSTILE.items() if name in _WORDS[::5] or name not in _WORDS}
"""Every kind of call, but of the words that are tried in every place each fifth."""


class Seen:
    """The daemon, as `silenced_ms` and `harass` want to see it."""

    def __init__(self, server, it, there):
        self.agent, self.house = server, there
        self.service, self.session = server.service, server.service.sessions[-1]
        self.runtime, self.captions, self._led = it.runtime, it.captions, it.led

    @property
    def status(self):
        return self._led.shown[-1]


def xruns_in(caplog):
    """Return what was logged of over- and underruns."""
    return [line for line in caplog.messages if "overrun" in line or "underrun" in line]


async def call_at_once(it, names):
    """Have the agent call misbehaving tools in one reply, beside those that still run."""
    orders = [ToolOrder(name, {"x": SECRET}) for name in names]
    it.session.talk.say((Call(tuple(orders)), Say("Yes.")), "own", 0)
    await until(lambda: len(it.service.events.find("sent", type="tool.call")) >= len(names))


def fakes(there, stubborn):
    return [*tools(there), HostileTool("stubborn", stubborn, timeout_s=1)]


@pytest.mark.long
async def test_hostile_calls_are_not_heard_in_a_conversation(rig, caplog, measured, tmp_path):
    stubborn = Stubborn()
    async with (
        house(tmp_path) as there,
        serve_assemblyai(Settings(timing=QUICK, scenario=BRIEF)) as server,
        daemon(server.url, audio=APART, tools=fakes(there, stubborn)) as daemon_of_ours,
    ):
        await converse(daemon_of_ours)
        lateness = LoopLateness()
        measuring = asyncio.create_task(lateness.measure())
        it = Seen(server, daemon_of_ours, there)
        in_peace = await silenced_ms(rig, it)
        xruns_in_peace, begin = len(xruns_in(caplog)), len(lateness.late_ms)
        assert await harass(it, HEARD) == {}
        n_answered, harassed = len(results(it)), []
        for names in ROUNDS:
            await call_at_once(it, names)
            harassed += await silenced_ms(rig, it)
        assert len(results(it)) > n_answered
        assert it.status in {"thinking", "listening"}
        assert len(it.service.sessions) == len(it.service.connections) == 1
        underruns = it.runtime.playout.underruns
        measuring.cancel()
    stubborn.let_go()
    await asyncio.sleep(0.01)
    xruns = len(xruns_in(caplog)) - xruns_in_peace
    measured(
        f"interruption -> silence: p50 {percentile(in_peace, 50):.1f}, max {max(in_peace):.1f} ms; "
        f"after {len(HEARD)} hostile calls and beside {' and '.join(str(len(names)) for names in ROUNDS)} at once "
        f"p50 {percentile(harassed, 50):.1f}, max {max(harassed):.1f} ms, xruns {xruns}, underruns {underruns}; "
        f"loop late by {max(lateness.since(begin)):.1f} ms at most"
    )
    assert SECRET not in caplog.text
    assert xruns == 0
    # The stand-in lives on this loop, and sends late what the loop is late with, as no agent does.
    assert max(lateness.since(begin)) <= LOOP_LATE_MS
    assert underruns <= len([late for late in lateness.since(begin) if late > FLOOR_MS / 2])
    assert percentile(harassed, 90) <= percentile(in_peace, 90) + 40
