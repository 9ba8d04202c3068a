"""Whole conversations, from the microphone to the speaker."""

import asyncio

import numpy as np
import pytest

from agentsim.understanding import Scripted
from tests.fakes import ScriptedTool
from tests.flows.house import awake, house, tone, uplink_hz
from voiced.core.events import (
    EndRequested,
    Hushed,
    MuteChanged,
    StopRequested,
    TalkPressed,
    Woken,
)
from voiced.core.state import Phase, Policy
from voiced.errors import ToolError

PCMU = {"format": {"encoding": "audio/pcmu"}}
PCMA = {"format": {"encoding": "audio/pcma"}}


@pytest.mark.needs("captions")
async def test_a_spoken_turn_is_heard_understood_and_answered():
    async with awake(understanding=Scripted(["what time is it"])) as it:
        it.microphone.say(tone(1000))
        await asyncio.sleep(10)
        steps = ["booting", "asleep", "connecting", "listening", "hearing", "thinking", "speaking"]
        assert it.led.shown[:7] == steps
        assert it.led.shown[-1] == "listening"
        assert it.captions.final("user") == ["what time is it"]
        assert it.tools["get_time"].finished == 1
        assert "12:00" in it.captions.final("agent")[-1]
        assert it.speaker.sounding_ms > 300
        assert it.tap.periods > 100


@pytest.mark.parametrize("capture_hz", [8_000, 16_000, 44_100, 48_000])
async def test_a_second_of_speech_arrives_at_the_agents_own_rate(capture_hz):
    async with awake(microphone_hz=capture_hz, listening=False) as it:
        await asyncio.sleep(2.0)  # what was captured while connecting has caught up
        before = it.session.hearing.uplink.audio_s
        await asyncio.sleep(1.0)
        assert it.session.hearing.uplink.audio_s - before == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("playback_hz", [16_000, 24_000, 48_000])
@pytest.mark.parametrize("output", [None, PCMU, PCMA], ids=["pcm", "pcmu", "pcma"])
async def test_a_reply_is_heard_whole_at_the_speakers_rate(playback_hz, output):
    session = {} if output is None else {"output": output}
    async with awake(speaker_hz=playback_hz, session=session) as it:
        it.session.say("ten chars!")  # 60 ms of tone a character
        await it.settle(Phase.SPEAKING)
        await it.settle(Phase.LISTENING)
        assert it.speaker.sounding_ms == pytest.approx(600, rel=0.05)


@pytest.mark.parametrize("input_format", [PCMU, PCMA], ids=["pcmu", "pcma"])
@pytest.mark.needs("session")
async def test_telephone_codes_towards_the_agent_carry_speech(input_format):
    async with awake(session={"input": input_format}, understanding=Scripted(["hello"])) as it:
        it.microphone.say(tone(1000))
        await it.settle(Phase.HEARING)
        await it.settle(Phase.SPEAKING)
        assert it.captions.final("user") == ["hello"]


@pytest.mark.needs("session")
async def test_the_greeting_comes_unasked():
    async with awake(session={"greeting": "Hello there."}) as it:
        await it.settle(Phase.SPEAKING)
        await it.settle(Phase.LISTENING)
        assert it.captions.final("agent") == ["Hello there."]


async def test_the_first_words_are_never_lost():
    async with house(timing={"ready_s": 1.5}, microphone_hz=uplink_hz(), listening=False) as it:
        words = np.arange(1, uplink_hz() * 2 + 1, dtype="<i2")
        it.wake.emit(Woken("test"))
        it.microphone.say(words.tobytes())
        await asyncio.sleep(4)
        heard = it.heard()
        start = int(np.flatnonzero(heard)[0])
        assert np.array_equal(heard[start : start + len(words)], words)


async def test_what_was_said_before_waking_stays_here():
    async with house(listening=False) as it:
        it.microphone.say(tone(1000))
        await asyncio.sleep(1.1)
        it.wake.emit(Woken("test"))
        await asyncio.sleep(2)
        assert not it.heard().any()


@pytest.mark.parametrize("faults", [["late-audio=300"], ["late-audio=300", "done-first"]])
@pytest.mark.needs("turns")
async def test_barge_in_cuts_the_reply_short_and_its_tail_is_never_heard(faults):
    async with awake(faults=faults) as it:
        it.session.say("a very long reply " * 10)
        await it.settle(Phase.SPEAKING)
        await asyncio.sleep(1.0)
        it.session.interrupt()
        await it.settle(Phase.HEARING)
        cut = len(it.speaker.samples)
        await asyncio.sleep(2.0)
        late = it.speaker.samples[cut + 48 * 20 :]
        assert not late.any()
        assert it.speaker.drops == 1
        it.session.say("another reply")
        await it.settle(Phase.SPEAKING)
        await it.settle(Phase.HEARING)
        assert it.speaker.samples[-48_000:].any()


@pytest.mark.needs("turns")
async def test_speech_alone_does_not_interrupt():
    async with awake() as it:
        it.session.say("a very long reply " * 5)
        await it.settle(Phase.SPEAKING)
        it.session.send("input.speech.started")
        await asyncio.sleep(1.0)
        assert it.phase is Phase.SPEAKING
        assert it.speaker.drops == 0


async def test_mute_sends_silence_in_place_of_the_room():
    async with awake(listening=False) as it:
        it.wake.emit(MuteChanged(muted=True))
        await asyncio.sleep(0.1)
        before = len(it.heard())
        it.microphone.say(tone(1000))
        await asyncio.sleep(1.5)
        heard = it.heard()[before:]
        assert len(heard) > uplink_hz()
        assert not heard.any()


@pytest.mark.parametrize("hush", [Hushed(), TalkPressed()])
async def test_a_reply_can_be_hushed_and_the_next_one_is_heard(hush):
    async with awake() as it:
        it.session.say("a very long reply " * 5)
        await it.settle(Phase.SPEAKING)
        await asyncio.sleep(0.5)
        it.wake.emit(hush)
        await asyncio.sleep(0.1)
        cut = len(it.speaker.samples)
        await asyncio.sleep(7.0)
        assert not it.speaker.samples[cut:].any()
        it.session.say("next")
        await it.settle(Phase.SPEAKING)


async def test_silence_puts_us_to_sleep_and_ends_the_session():
    async with awake(policy=Policy(idle_timeout_s=10)) as it:
        await it.settle(Phase.ASLEEP, within_s=11)
        await asyncio.sleep(0.5)
        assert it.session.ended
        assert it.led.shown[-1] == "asleep"


async def test_the_parting_words_are_heard_before_the_end():
    async with awake() as it:
        it.session.say("one")
        await it.settle(Phase.SPEAKING)
        it.wake.emit(EndRequested(after_reply=True))
        await it.settle(Phase.LISTENING)
        it.session.say("goodbye")
        await it.settle(Phase.SPEAKING)
        await it.settle(Phase.ASLEEP)
        assert it.speaker.sounding_ms == pytest.approx(60 * len("onegoodbye"), rel=0.1)


@pytest.mark.parametrize("phase", [Phase.ASLEEP, Phase.CONNECTING, Phase.LISTENING])
async def test_stopping_ends_the_session_in_every_phase(phase):
    async with house(timing={"ready_s": 1.0}) as it:
        if phase is not Phase.ASLEEP:
            it.wake.emit(Woken("test"))
            await it.settle(phase)
            await asyncio.sleep(0.3)
        it.wake.emit(StopRequested())
        await asyncio.sleep(1.0)
        closed = [connection.closed for connection in it.service.connections]
        assert closed == [True] * (phase is not Phase.ASLEEP)
        assert it.led.shown[-1] == "stopping"


@pytest.mark.needs("session")
async def test_an_agent_that_does_not_answer_the_farewell_is_left():
    async with awake(faults=["ignore-end"]) as it:
        it.wake.emit(TalkPressed())
        await asyncio.sleep(0.1)
        assert len(it.sent("session.end")) == 1
        await asyncio.sleep(6)
        assert it.service.connections[-1].closed


async def test_talking_again_while_the_last_session_parts_is_no_trouble():
    async with awake(faults=["ignore-end"]) as it:
        it.wake.emit(TalkPressed())
        it.wake.emit(TalkPressed())
        await it.settle(Phase.LISTENING)
        assert len(it.service.sessions) == 2


@pytest.mark.needs("token")
async def test_a_temporary_token_is_fetched_for_every_dial():
    async with awake(auth="token", faults=["single-use-tokens"]) as it:
        it.session.drop()
        await it.settle(Phase.CONNECTING)
        await it.settle(Phase.LISTENING)
        assert len(it.http_calls) == len(it.dials) == 2
        assert "token=" in it.dials[0].url
        assert "token=" not in repr(it.dials[0])


@pytest.mark.needs("tools")
async def test_several_tools_run_at_once_and_an_apology_is_returned_for_a_broken_one():
    tools = [
        ScriptedTool("get_time", {"time": "12:00"}, delay_s=0.5),
        ScriptedTool("bad", ToolError("That is not possible.")),
        ScriptedTool("worse", ValueError("bug")),
        ScriptedTool("slow", delay_s=60, timeout_s=1),
    ]
    async with awake(tools=tools) as it:
        for name in ("get_time", "bad", "worse", "slow", "unknown"):
            it.session.call(name)
            await asyncio.sleep(6)
        assert len(it.sent("tool.result")) == 5
        done, *apologies = it.captions.final("agent")
        assert done == "Done."
        assert apologies == ["Sorry, that did not work."] * 4


@pytest.mark.needs("tools")
async def test_an_interrupted_turn_cancels_its_tool():
    slow = ScriptedTool("slow", delay_s=5)
    async with awake(tools=[slow]) as it:
        it.session.call("slow")
        await it.settle(Phase.SPEAKING)
        await asyncio.sleep(0.05)
        it.session.interrupt()
        await asyncio.sleep(8)
        assert len(slow.calls) == 1
        assert slow.finished == 0
        assert not it.sent("tool.result")
