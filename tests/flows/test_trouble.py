"""What happens when things go wrong: links, agents, cards."""

import asyncio
import logging
import re

import pytest

from tests.flows.house import awake, house, tone
from voiced.core.events import StopRequested, TalkPressed, Woken
from voiced.core.state import Phase, Policy


@pytest.mark.needs("resume")
async def test_a_lost_link_comes_back_to_the_same_session():
    async with awake() as it:
        it.session.drop()
        await it.settle(Phase.CONNECTING)
        await it.settle(Phase.LISTENING)
        assert len(it.service.sessions) == 1
        assert len(it.sent("session.resume")) == 1


@pytest.mark.parametrize("code", ["session_not_found", "session_forbidden", "session_expired"])
@pytest.mark.needs("resume")
async def test_a_session_that_cannot_be_resumed_is_forgotten(code):
    async with awake(faults=[f"resume={code}"]) as it:
        it.session.drop()
        await it.settle(Phase.CONNECTING)
        await it.settle(Phase.LISTENING)
        kinds = [entry["type"] for entry in it.service.events.find("received")]
        firsts = [kind for kind in kinds if kind in ("session.update", "session.resume")]
        assert firsts == ["session.update", "session.resume", "session.update"]


async def test_a_network_that_takes_nothing_costs_the_oldest_sound_not_the_capture():
    async with awake(listening=False) as it:
        it.session.freeze()
        periods = it.tap.periods
        await asyncio.sleep(4)
        assert it.tap.periods - periods == pytest.approx(200, abs=2)
        await it.settle(Phase.CONNECTING)
        await it.settle(Phase.LISTENING)
        assert it.runtime.uplink.queued_ms <= 10_000


async def test_an_agent_that_never_gets_ready_is_dialled_again():
    async with house(faults=["never-ready"]) as it:
        it.wake.emit(Woken("test"))
        await asyncio.sleep(60)
        assert len(it.dials) >= 3
        assert it.led.shown[-1] == "offline"


@pytest.mark.about("assemblyai")
async def test_a_bad_key_is_shown_and_tried_again_rarely(caplog):
    async with house(keys=["another"]) as it:
        it.wake.emit(Woken("test"))
        await asyncio.sleep(890)
        assert len(it.dials) == 1
        assert it.led.shown[-1] == "rejected"
        await asyncio.sleep(250)
        assert len(it.dials) == 2
        lines = [line.getMessage() for line in caplog.records if line.levelno >= logging.WARNING]
        assert len(lines) == 1


@pytest.mark.needs("session")
async def test_a_voice_that_is_gone_is_left_out():
    session = {"output": {"voice": "ivy"}}
    async with awake(session=session) as it:
        assert len(it.dials) == 2
        it.session.say("hello")
        await it.settle(Phase.SPEAKING)


@pytest.mark.parametrize(("code", "wait_s"), [("at_capacity", 10), ("concurrency_exceeded", 30)])
async def test_a_busy_agent_is_waited_for(code, wait_s):
    async with house(faults=[f"error={code}"]) as it:
        it.wake.emit(Woken("test"))
        await asyncio.sleep(wait_s - 0.5)
        assert len(it.dials) == 1
        await it.settle(Phase.LISTENING)


async def test_a_session_the_agent_ends_is_a_normal_end():
    async with awake() as it:
        it.session.end()
        await it.settle(Phase.ASLEEP)
        await asyncio.sleep(5)
        assert len(it.dials) == 1


@pytest.mark.parametrize(
    "fault",
    [
        "unknown-type",
        "malformed-json",
        "binary",
        "huge",
        "bad-base64@reply",
        "stray-audio@ready+500",
        "reply-error",
        "unknown-field",
        "null-fields",
        "iso-timestamps",
        "seed-shape",
        "no-status",
        "no-reply-id",
        "old-arguments",
        "string-arguments",
        "upper-case-codes",
        "odd-sizes",
        "odd-bytes",
        "burst=4",
        "jitter=200",
        "http-tool-call",
    ],
)
@pytest.mark.about("assemblyai")
async def test_what_the_agent_may_get_wrong_does_not_stop_the_conversation(fault):
    async with awake(faults=[fault]) as it:
        await asyncio.sleep(1)
        before = it.speaker.sounding_ms
        for words in ("this goes on", "and on and on"):
            it.session.say(words)
            await asyncio.sleep(3)
        it.session.call("get_time")
        await asyncio.sleep(4)
        assert it.speaker.sounding_ms - before > 500
        assert it.tools["get_time"].finished == 1
        assert len(it.sent("tool.result")) == 1
        assert len(it.dials) == 1
        assert it.runtime.playout.underruns == 0


@pytest.mark.needs("turns")
async def test_a_microphone_that_comes_and_goes_is_shown_and_reopened():
    async with house() as it:
        it.microphone.unplug()
        await asyncio.sleep(0.5)
        assert it.led.shown[-1] == "no-microphone"
        it.wake.emit(Woken("test"))
        await it.settle(Phase.LISTENING)
        it.microphone.plug()
        await asyncio.sleep(2)
        assert it.led.shown[-1] == "listening"
        it.microphone.say(tone(1000))
        await it.settle(Phase.HEARING)


async def test_without_a_speaker_replies_run_out_unheard():
    async with awake() as it:
        it.speaker.unplug()
        await asyncio.sleep(0.1)
        assert it.led.shown[-1] == "no-speaker"
        it.session.say("nobody hears this")
        await it.settle(Phase.SPEAKING)
        await it.settle(Phase.LISTENING)
        it.speaker.plug()
        await asyncio.sleep(2)
        it.session.say("but this")
        await it.settle(Phase.SPEAKING)
        await it.settle(Phase.LISTENING)
        assert it.speaker.sounding_ms == pytest.approx(60 * len("but this"), rel=0.1)


async def test_trouble_is_logged_once_aloud_then_quietly_then_as_over(caplog):
    caplog.set_level(logging.DEBUG)
    policy = Policy(retry_cap_s=1.0)
    async with awake(policy=policy, faults=["close=1011@connect*5"]) as it:
        await it.settle(Phase.LISTENING)
        messages = [
            (line.levelname, line.getMessage().split(":")[0])
            for line in caplog.records
            if line.name == "voiced.runtime.outage_log" and "link" in line.getMessage()
        ]
        levels = [level for level, text in messages if text == "link lost"]
        assert levels == ["WARNING"] + ["DEBUG"] * 4
        assert "a new conversation begins" in caplog.messages
        assert it.phase is Phase.LISTENING


@pytest.mark.needs("session")
async def test_every_session_leaves_one_line_for_support(caplog):
    caplog.set_level(logging.INFO)
    async with awake(session={"greeting": "top secret greeting"}) as it:
        await asyncio.sleep(3)
        it.wake.emit(TalkPressed())
        await asyncio.sleep(1)
    lines = [message for message in caplog.messages if message.startswith("link closed:")]
    assert len(lines) == 1
    assert "sess_000001" in lines[0]
    assert "agent.test" in lines[0]
    assert re.search(r"started=\d{4}-\d\d-\d\dT", lines[0])
    assert "close=1000" in lines[0]
    assert "secret" not in caplog.text


async def test_stopping_while_offline_is_quick():
    async with house(faults=["close=1011@connect"]) as it:
        it.wake.emit(Woken("test"))
        await asyncio.sleep(30)
        it.wake.emit(StopRequested())
        await asyncio.sleep(0.1)
        assert it.led.shown[-1] == "stopping"
