"""What holds with any agent. Where agents differ, a fact of the codec says so."""

import asyncio
import logging

import numpy as np
import pytest

from tests.flows.house import awake, house, tone
from voiced.core.events import (
    EndRequested,
    Hushed,
    MuteChanged,
    NetworkBack,
    StopRequested,
    TalkPressed,
    Woken,
)
from voiced.core.state import Phase, Policy

LONG = "this is a sentence that takes a rather long time to be spoken from its start to its end"


async def test_a_conversation_from_wake_to_sleep():
    async with awake(policy=Policy(idle_timeout_s=8.0)) as it:
        it.microphone.say(tone(800))
        await it.settle(Phase.SPEAKING)
        await it.settle(Phase.LISTENING)
        assert it.speaker.sounding_ms > 500
        await it.settle(Phase.ASLEEP)
        await asyncio.sleep(0.5)
        assert it.session.ended
        assert it.led.shown[:2] == ["booting", "asleep"]
        assert it.led.shown[-1] == "asleep"


async def test_what_the_user_says_arrives_unchanged():
    async with awake(listening=False) as it:
        rate_hz = it.agent.codec(None).uplink.rate_hz
        it.microphone.say(tone(1000))
        await asyncio.sleep(1.5)
        heard = it.heard().astype(float)
        loud = heard[np.abs(heard) > 1000]
        assert loud.size / rate_hz == pytest.approx(0.93, abs=0.05)
        spectrum = np.abs(np.fft.rfft(heard))
        assert np.argmax(spectrum) * rate_hz / heard.size == pytest.approx(440, abs=2)


@pytest.mark.parametrize("ready_s", [0.5, 1.5])
async def test_words_spoken_before_the_agent_is_ready_are_kept(ready_s):
    async with house(listening=False, timing={"ready_s": ready_s}) as it:
        it.wake.emit(Woken("test"))
        it.microphone.say(tone(400))
        await it.settle(Phase.LISTENING)
        await asyncio.sleep(4)
        rate_hz = it.agent.codec(None).uplink.rate_hz
        loud = np.count_nonzero(np.abs(it.heard().astype(int)) > 1000)
        assert loud / rate_hz == pytest.approx(0.37, abs=0.04)


async def test_of_a_long_wait_no_more_is_kept_than_the_agent_takes():
    async with house(listening=False, timing={"ready_s": 8.0}) as it:
        it.wake.emit(Woken("test"))
        it.microphone.say(tone(30_000))
        await it.settle(Phase.LISTENING)
        codec = it.agent.codec(None)
        kept_s = codec.keep_s if codec.keep_s is not None else 8.0
        assert it.runtime.uplink.held_ms / 1000 == pytest.approx(kept_s, abs=0.3)


async def test_a_backlog_leaves_no_faster_than_the_agent_takes_it():
    async with house(listening=False, timing={"ready_s": 1.8}) as it:
        it.wake.emit(Woken("test"))
        it.microphone.say(tone(30_000))
        await it.settle(Phase.LISTENING)
        codec = it.agent.codec(None)
        before = len(it.heard())
        await asyncio.sleep(1.0)
        arrived_s = (len(it.heard()) - before) / codec.uplink.rate_hz
        assert arrived_s <= codec.uplink_speed * 1.0 + 0.25


async def test_mute_sends_silence():
    async with awake(listening=False) as it:
        it.wake.emit(MuteChanged(muted=True))
        await asyncio.sleep(0.1)
        before = len(it.heard())
        it.microphone.say(tone(1000))
        await asyncio.sleep(1)
        heard = it.heard()[before:]
        assert heard.size / it.agent.codec(None).uplink.rate_hz == pytest.approx(1.0, abs=0.1)
        assert not heard.any()


async def test_the_user_can_interrupt_by_speaking():
    async with awake() as it:
        it.session.say(LONG)
        await it.settle(Phase.SPEAKING)
        await asyncio.sleep(0.8)
        it.microphone.say(tone(700))
        await asyncio.sleep(1.0)
        heard_ms = it.speaker.sounding_ms
        await asyncio.sleep(0.4)
        assert it.speaker.sounding_ms == heard_ms
        assert heard_ms < 60 * len(LONG) / 2


async def test_a_reply_can_be_silenced_by_hand():
    async with awake() as it:
        it.session.say(LONG)
        await it.settle(Phase.SPEAKING)
        await asyncio.sleep(0.5)
        it.wake.emit(Hushed())
        await asyncio.sleep(0.1)
        heard_ms = it.speaker.sounding_ms
        await asyncio.sleep(1.5)
        assert it.speaker.sounding_ms == heard_ms


async def test_one_reply_follows_the_other():
    async with awake() as it:
        for _ in range(3):
            before = it.speaker.sounding_ms
            it.session.say("one more thing")
            await it.settle(Phase.SPEAKING)
            await it.settle(Phase.LISTENING)
            assert it.speaker.sounding_ms - before == pytest.approx(60 * 14, rel=0.1)


@pytest.mark.parametrize("outage_s", [0.5, 5.0, 40.0, 600.0])
async def test_a_drop_ends_resumed_or_in_a_new_conversation(outage_s):
    async with awake() as it:
        it.lose_network()
        await asyncio.sleep(outage_s)
        it.reachable = True
        it.wake.emit(NetworkBack())
        await it.settle(Phase.LISTENING, within_s=2.0)
        resumed = it.agent.resumable and outage_s < 25
        assert len(it.service.sessions) == (1 if resumed else 2)
        it.microphone.say(tone(600))
        await it.settle(Phase.SPEAKING)


async def test_a_reply_cut_by_a_drop_is_heard_as_far_as_it_came():
    async with awake() as it:
        it.session.say(LONG)
        await it.settle(Phase.SPEAKING)
        await asyncio.sleep(1.0)
        it.lose_network()
        await asyncio.sleep(1.0)
        assert 700 < it.speaker.sounding_ms < 1300
        it.reachable = True


async def test_a_frozen_agent_does_not_hold_up_the_end():
    async with awake() as it:
        it.session.freeze()
        it.wake.emit(StopRequested())
        await asyncio.sleep(2.9)
        assert it.led.shown[-1] == "stopping"


@pytest.mark.parametrize("press", [TalkPressed(), EndRequested()])
async def test_a_conversation_that_is_ended_leaves_nothing_open(press):
    async with awake() as it:
        it.wake.emit(press)
        await asyncio.sleep(1)
        assert it.phase is Phase.ASLEEP
        assert it.session.connection is None or it.session.ended


async def test_an_agent_that_never_gets_ready_is_dialled_again():
    async with house(faults=["never-ready"]) as it:
        it.wake.emit(Woken("test"))
        await asyncio.sleep(60)
        assert len(it.dials) >= 3


@pytest.mark.parametrize(
    "fault",
    [
        "unknown-type@ready",
        "malformed-json@ready",
        "unknown-field",
        "burst=2",
        "odd-sizes",
        "quiet",
    ],
)
async def test_what_the_agent_may_get_wrong_does_not_stop_the_conversation(fault):
    async with awake(faults=[fault]) as it:
        await asyncio.sleep(1)
        it.session.say("this goes on")
        await it.settle(Phase.SPEAKING)
        await it.settle(Phase.LISTENING)
        assert it.speaker.sounding_ms > 400
        assert len(it.dials) == 1


async def test_nothing_secret_is_logged(caplog):
    caplog.set_level(logging.DEBUG)
    async with awake(auth="token") as it:
        it.session.say("top secret words")
        await it.settle(Phase.SPEAKING)
        it.session.drop()
        await asyncio.sleep(3)
    assert "secret" not in caplog.text
    assert "jwt." not in caplog.text
