"""While nobody speaks or listens the sound devices rest, and not a moment longer."""

import asyncio

import pytest

from tests.flows.house import awake, house, tone
from voiced.agents.codec import AgentSettings
from voiced.core.events import MuteToggled, TalkPressed, Woken
from voiced.core.state import Phase, Policy
from voiced.runtime.components import SoundSettings


def resting(it):
    return it.microphone.relaxed, it.speaker.relaxed


async def test_asleep_both_devices_rest_after_a_while():
    async with house(taps=()) as it:
        await asyncio.sleep(1)
        assert resting(it) == (False, False)
        await asyncio.sleep(2)
        assert resting(it) == (True, True)


async def test_waking_ends_the_rest_at_once_and_for_the_whole_conversation():
    async with house(taps=()) as it:
        await asyncio.sleep(3)
        it.wake.emit(Woken("test"))
        assert resting(it) == (False, False)
        await it.settle(Phase.LISTENING)
        await asyncio.sleep(5)
        assert resting(it) == (False, False)
        it.wake.emit(TalkPressed())
        await asyncio.sleep(4)
        assert it.phase is Phase.ASLEEP
        assert resting(it) == (True, True)


async def test_a_sound_of_the_device_itself_is_heard_at_once():
    async with house(taps=()) as it:
        await asyncio.sleep(3)
        it.wake.emit(MuteToggled())
        assert resting(it) == (False, False)
        await asyncio.sleep(3)
        assert resting(it) == (True, True)


async def test_whoever_listens_to_every_period_keeps_the_microphone_from_resting():
    async with house() as it:
        await asyncio.sleep(3)
        assert resting(it) == (False, True)


async def test_a_device_that_comes_back_asleep_rests_as_well():
    async with house(taps=()) as it:
        await asyncio.sleep(3)
        it.microphone.unplug()
        it.speaker.unplug()
        await asyncio.sleep(1)
        it.microphone.relaxed = it.speaker.relaxed = None
        it.microphone.plug()
        it.speaker.plug()
        await asyncio.sleep(1)
        assert resting(it) == (True, True)


@pytest.mark.about("assemblyai")
async def test_the_silence_played_ahead_is_dropped_but_never_a_reply():
    async with awake() as it:
        it.microphone.say(tone(400))
        await it.settle(Phase.SPEAKING)
        await asyncio.sleep(1)
        drops = it.speaker.drops
        it.runtime._playback.relax(True)
        it.runtime._playback.relax(False)
        assert it.speaker.drops == drops
        it.wake.emit(TalkPressed())
        it.wake.emit(TalkPressed())
        await asyncio.sleep(4)
        assert it.phase is Phase.ASLEEP
        drops = it.speaker.drops
        it.wake.emit(Woken("test"))
        assert it.speaker.drops == drops + 1


@pytest.mark.parametrize("wakes", [Woken("test"), TalkPressed()])
async def test_a_conversation_begins_by_what_is_adopted_as_it_begins(wakes):
    """Orders by the settings from before must not come after those by the new ones: the gate stayed open."""
    waiting = []
    async with house(on_idle=lambda: [do() for do in waiting]) as it:
        settings = AgentSettings(url="wss://agent.test/v1/ws", key="k")

        def adopt():
            it.runtime.adopt(
                it.runtime._components, Policy(hold_to_talk=True), SoundSettings(), settings
            )

        waiting.append(adopt)
        it.wake.emit(wakes)
        waiting.clear()
        assert it.phase is Phase.CONNECTING
        assert not it.runtime._capture.gate_open
        assert it.led.shown[-1] == "connecting"
        await it.settle(Phase.LISTENING)
        assert not it.runtime._capture.gate_open
