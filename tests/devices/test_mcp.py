"""An MCP server joins, is called, is killed and comes back while real sound flows: nobody hears of it."""

import asyncio

import numpy as np
import pytest

from tests.devices.loop_lateness import LoopLateness
from tests.devices.rig import SPEAKER_RATE_HZ, percentile
from tests.devices.test_reloader import RIG
from tests.fakes import RecordingCaptions
from tests.ports import free_port
from tests.whole import until
from tests.wire.afar import kiosk
from tests.wire.mcp_house import LIAR, REAL, web_server

pytestmark = pytest.mark.real_time

STORY = "this is a long story that nothing should interrupt " * 3
LONGEST_GAP_S = 0.3
"""Between words; a hole in the sound would be one more."""


def known_to(it):
    return {tool["name"] for tool in it.agent.service.sessions[-1].config["tools"]}


async def said_after(it, name, **arguments):
    """Have the agent call a tool; return what it says about it."""
    n_said = len(it.captions.final("agent"))
    it.agent.service.sessions[-1].call(name, arguments, "It is {" + name + ".result}.")
    await until(lambda: len(it.captions.final("agent")) > n_said, within_s=20)
    return it.captions.final("agent")[-1]


async def tell(rig, it, meanwhile):
    """Tell a story while something happens; return the longest silence within it, in seconds."""
    session = it.agent.service.sessions[-1]
    await until(lambda: it.status == "listening", within_s=20)
    with rig.record("spk.monitor", SPEAKER_RATE_HZ) as recording:
        session.say(STORY)
        await until(lambda: it.status == "speaking")
        await meanwhile
        await until(lambda: it.status == "listening", within_s=30)
        await asyncio.sleep(0.3)
    window = SPEAKER_RATE_HZ // 100
    samples = np.asarray(recording.samples)[: len(recording.samples) // window * window]
    loud = np.flatnonzero(np.abs(samples.reshape(-1, window)).max(axis=1) > 200)
    assert loud.size > 100
    return float(np.diff(loud).max()) / 100


async def other_settings(it):
    """Have settings read that change something else."""
    session = it.agent.service.sessions[-1]
    it.write(instead=RIG | {"You are one.": "You are two."})
    await until(lambda: session.config["system_prompt"] == "You are two.")
    it.write(instead=RIG)
    await until(lambda: session.config["system_prompt"] == "You are one.")


@pytest.mark.long
async def test_a_server_comes_and_goes_and_the_story_goes_on(rig, tmp_path, caplog, measured):
    port = free_port()
    bad = f"  bad: {{{{command: ['{REAL[0]}', '{LIAR}', flood]}}}}\n"
    home = f"  home: {{{{url: 'http://127.0.0.1:{port}/mcp'}}}}\n"
    async with kiosk(tmp_path) as it, asyncio.TaskGroup() as group:
        it.captions, lateness = RecordingCaptions(), LoopLateness()
        it.extras.clear()
        it.extras["captions"] = [it.captions]
        it.write(instead=RIG)
        async with it.running(), web_server(port) as web:
            await it.converse()
            measuring = group.create_task(lateness.measure())
            gaps = [await tell(rig, it, other_settings(it))]
            begin, sessions = len(lateness.late_ms), len(it.agent.service.sessions)
            before = it.runtime.progress

            async def join():
                it.write("mcp:\n", home, bad, instead=RIG)
                await until(lambda: {"home_add", "bad_good"} <= known_to(it))

            gaps.append(await tell(rig, it, join()))
            for _ in range(3):
                assert await said_after(it, "home_add", a=2, b=40) == "It is forty two."
            session = it.agent.service.sessions[-1]
            session.call("home_slow", {"seconds": 60}, "Never.")
            await asyncio.sleep(1)
            await web.kill()
            await until(lambda: it.captions.final("agent")[-1] == "Sorry, that did not work.")
            gaps.append(await tell(rig, it, web.start()))
            async with asyncio.timeout(30):
                while await said_after(it, "home_add", a=2, b=40) != "It is forty two.":
                    await asyncio.sleep(0.5)
            after = it.runtime.progress
            measuring.cancel()
            assert len(it.agent.service.sessions) == sessions
            assert it.agent.service.violations == 0
    late_ms, in_peace_ms = lateness.since(begin), lateness.late_ms[:begin]
    xruns = after.overruns + after.underruns - before.overruns - before.underruns
    measured(
        f"loop late in peace: p99 {percentile(in_peace_ms, 99):.1f}, max {max(in_peace_ms):.1f} ms; beside "
        f"MCP servers p99 {percentile(late_ms, 99):.1f}, max {max(late_ms):.1f} ms; xruns {xruns}; "
        f"longest silence {max(gaps[1:]):.2f} s, in peace {gaps[0]:.2f} s"
    )
    assert xruns == 0
    assert "underrun" not in caplog.text
    assert max(gaps[1:]) <= max(gaps[0], LONGEST_GAP_S) + 0.05
    assert percentile(late_ms, 99) <= percentile(in_peace_ms, 99) + 10
    assert max(late_ms) <= 100  # of it the agent hears as much later; nobody notices
