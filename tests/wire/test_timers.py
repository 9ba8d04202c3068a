"""Timers set by voice, with real sockets and a daemon that is a process: heard in time, never lost."""

import asyncio
import contextlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agentsim.scenario import read
from tests.fakes import RecordingSpeaker, ScriptedMicrophone
from tests.whole import converse, daemon, until
from tests.wire.timed import (
    SPEECH,
    Device,
    WallClock,
    agent,
    begins_s,
    received,
    send_to_sleep,
    set_by_voice,
)
from voiced.core.events import TalkPressed
from voiced.core.state import Policy

pytestmark = pytest.mark.real_time

POLICY = Policy()
LATE_S = 2.0
ANNOUNCEMENT_S = 0.9
"""The stand-in says that a timer is over with 19 letters of 60 ms, some of them at the edge."""


async def announced(server, due_s, *, late_s=LATE_S):
    """Wait for the announcement; it has to be asked for when the timer is due."""
    asked_s = await received(server, "reply.create")
    assert due_s <= asked_s < due_s + late_s


async def test_a_timer_is_announced_in_the_conversation_that_set_it(tmp_path):
    async with (
        agent("set a timer for 3 seconds") as server,
        Device(tmp_path, server.url).on(speech=SPEECH) as it,
    ):
        set_s = await set_by_voice(server, it)
        before_s = it.voice_s()
        await announced(server, set_s + 3)
        await until(lambda: it.voice_s() > before_s + ANNOUNCEMENT_S)
        assert len(server.service.sessions) == 1
        await send_to_sleep(server, it)


async def test_a_timer_wakes_the_agent_which_sleeps_again_soon(tmp_path):
    async with (
        agent("set a timer for 6 seconds") as server,
        Device(tmp_path, server.url).on(speech=SPEECH) as it,
    ):
        set_s = await set_by_voice(server, it)
        await send_to_sleep(server, it)
        before_s = it.voice_s()
        await announced(server, set_s + 6)
        await until(lambda: it.voice_s() > before_s + ANNOUNCEMENT_S)
        told_s = asyncio.get_running_loop().time()
        ended_s = await received(server, "session.end", 2)
        assert ended_s - told_s < POLICY.alarm_listen_s + 2
        assert [session.ended for session in server.service.sessions] == ["ended", "ended"]
        assert len(server.service.events.find("sent", type="reply.started")) == 3  # and no greeting


@pytest.mark.long
async def test_without_an_agent_it_rings_until_somebody_presses_the_button(tmp_path):
    async with contextlib.AsyncExitStack() as agents:
        server = await agents.enter_async_context(agent("set a timer for 6 seconds"))
        async with Device(tmp_path, server.url).on(speech=SPEECH) as it:
            await set_by_voice(server, it)
            await send_to_sleep(server, it)
            await agents.aclose()
            n_before = len(it.rings_s())
            await until(lambda: len(it.rings_s()) >= n_before + 4, within_s=40)
            *_, before_s, last_s = it.rings_s()
            assert last_s - before_s == pytest.approx(POLICY.ring_every_s, abs=0.3)
            it.press()
            await asyncio.sleep(2)
            n_rings = len(it.rings_s())
            assert it.status == "asleep"
            await asyncio.sleep(3 * POLICY.ring_every_s)
            assert len(it.rings_s()) == n_rings


async def test_without_an_agent_and_anybody_it_stops_ringing_in_the_end():
    policy = replace(POLICY, ring_every_s=2.0, ring_for_s=7.0)
    components = {
        "microphone": ScriptedMicrophone(),
        "speaker": RecordingSpeaker(),
        "policy": policy,
    }
    async with contextlib.AsyncExitStack() as agents:
        server = await agents.enter_async_context(agent("set a timer for 4 seconds"))
        async with daemon(server.url, **components) as it:
            await converse(it)
            components["microphone"].say(SPEECH)
            set_s = await received(server, "tool.result")
            await until(lambda: it.led.shown[-2:] == ["speaking", "listening"])
            it.wake.emit(TalkPressed())
            await received(server, "session.end")
            await agents.aclose()
            n_before = len(begins_s(components["speaker"].samples, 48_000))
            longest_s = 4 + policy.alarm_wait_s + policy.ring_for_s
            await asyncio.sleep(set_s + longest_s + 1 - asyncio.get_running_loop().time())
            assert it.led.shown[-1] == "asleep"
            rings_s = begins_s(components["speaker"].samples, 48_000)
            assert len(rings_s) >= n_before + 4
            await asyncio.sleep(2 * policy.ring_every_s)
            assert begins_s(components["speaker"].samples, 48_000) == rings_s


@pytest.mark.parametrize(("timer_s", "dead_s"), [(9, 0), (4, 4)])
async def test_a_timer_outlives_a_kill(tmp_path, timer_s, dead_s):
    async with agent(f"set a timer for {timer_s} seconds") as server:
        device = Device(tmp_path, server.url)
        async with device.on(speech=SPEECH) as it:
            set_s = await set_by_voice(server, it)
            await send_to_sleep(server, it)
        await asyncio.sleep(dead_s)
        async with device.on() as it:
            here_s = asyncio.get_running_loop().time()
            await announced(server, max(set_s + timer_s, here_s - 1))
            await received(server, "session.end", 2)
        async with device.on():  # it was announced, and that is known after the next start, too
            await asyncio.sleep(3)
    assert len(server.service.sessions) == 2


@pytest.mark.parametrize("jump_s", [3600, -3600])
@pytest.mark.parametrize("killed", [False, True], ids=["alive", "killed"])
async def test_a_jump_of_the_clock_does_not_touch_a_timer(tmp_path, jump_s, killed):
    clock = WallClock(tmp_path)
    async with agent("set a timer for 9 seconds") as server:
        device = Device(tmp_path, server.url)
        async with device.on(speech=SPEECH, **clock.environment) as it:
            set_s = await set_by_voice(server, it)
            await send_to_sleep(server, it)
            if not killed:
                clock.jump(jump_s)
                await announced(server, set_s + 9)
                await received(server, "session.end", 2, within_s=30)
                return
        clock.jump(jump_s)
        async with device.on(**clock.environment) as it:
            await announced(server, set_s + 9)
            await received(server, "session.end", 2, within_s=30)


async def test_an_alarm_rings_at_its_time_when_the_clock_was_put_forward(tmp_path):
    clock = WallClock(tmp_path)
    rings_at = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=45)
    call = {"name": "set_alarm", "arguments": {"time": f"{rings_at:%H:%M}"}}
    scenario = read({"turns": [{"do": [{"call": call}, {"say": "Done."}]}]}, "test")
    async with (
        agent(scenario=scenario) as server,
        Device(tmp_path, server.url).on(speech=SPEECH, **clock.environment) as it,
    ):
        await set_by_voice(server, it)
        await send_to_sleep(server, it)
        assert not server.service.events.find("received", type="reply.create")
        clock.jump(round((rings_at - datetime.now(UTC)).total_seconds()) + 1)
        await announced(server, asyncio.get_running_loop().time(), late_s=3)
        await received(server, "session.end", 2)
