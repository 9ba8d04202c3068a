"""An agent that begins something and does not go on: what bounds it is silence, not its length."""

import asyncio
import base64
import logging

import pytest

from tests.flows.house import awake, tone
from voiced.core.gate import mic_gate_open
from voiced.core.state import Phase, Policy

pytestmark = pytest.mark.about("assemblyai")

HALF_DUPLEX = Policy(barge_in=False)
BOUND_S = 10.5
"""Ten seconds, and what is on its way."""


def sound(it, reply_id, duration_ms, level=0.3):
    pcm = tone(duration_ms, 24_000, level)
    for at in range(0, len(pcm), 4800):
        data = base64.b64encode(pcm[at : at + 4800]).decode()
        it.session.send("reply.audio", reply_id=reply_id, data=data)


async def keeps_sounding(it, reply_id, seconds, level=0.3):
    for _ in range(int(seconds * 2)):
        sound(it, reply_id, 500, level)
        await asyncio.sleep(0.5)


@pytest.mark.parametrize("sound_ms", [0, 1500, 8000])
async def test_a_reply_whose_end_was_lost_is_over_when_it_has_been_silent(sound_ms, caplog):
    async with awake(policy=HALF_DUPLEX) as it:
        it.session.send("reply.started", reply_id="r1")
        sound(it, "r1", sound_ms)
        await it.settle(Phase.SPEAKING)
        await asyncio.sleep(sound_ms / 1000 + 7)
        assert it.phase is Phase.SPEAKING
        await it.settle(Phase.LISTENING, within_s=BOUND_S - 7)
        await asyncio.sleep(0.5)
        assert mic_gate_open(it.runtime.conversation, HALF_DUPLEX)
        assert "speaking" in caplog.text
        assert sum("went silent" in one.getMessage() for one in caplog.records) == 1


async def test_a_reply_lasts_as_long_as_it_sounds():
    async with awake() as it:
        it.session.send("reply.started", reply_id="r1")
        await keeps_sounding(it, "r1", 40)
        assert it.phase is Phase.SPEAKING
        it.session.send("reply.done", reply_id="r1", status="completed")
        await it.settle(Phase.LISTENING)


async def test_a_reply_of_zeros_or_of_the_noise_of_a_codec_is_silence():
    async with awake() as it:
        for level in (0.0, 0.0003):
            it.session.send("reply.started", reply_id=f"r{level}")
            await it.settle(Phase.SPEAKING)
            sounding = asyncio.create_task(keeps_sounding(it, f"r{level}", 12, level))
            await it.settle(Phase.LISTENING, within_s=BOUND_S)
            await sounding


async def test_a_session_with_a_lost_end_is_closed_after_its_idle_timeout():
    async with awake(policy=Policy(idle_timeout_s=20.0)) as it:
        it.session.send("reply.started", reply_id="r1")
        sound(it, "r1", 1000)
        await asyncio.sleep(1 + BOUND_S + 20)
        assert it.phase is Phase.ASLEEP
        await asyncio.sleep(1)
        assert it.session.ended


@pytest.mark.parametrize(
    ("events", "phase"),
    [
        (["input.speech.started"], Phase.HEARING),
        (["input.speech.started", "input.speech.stopped"], Phase.THINKING),
    ],
)
async def test_a_turn_without_a_sequel_is_listening_again(events, phase, caplog):
    caplog.set_level(logging.INFO)
    async with awake(listening=False) as it:
        for event in events:
            it.session.send(event)
        await it.settle(phase)
        await asyncio.sleep(7)
        assert it.phase is phase
        await it.settle(Phase.LISTENING, within_s=BOUND_S - 7)
        assert f"went silent while {phase.value}" in caplog.text


async def test_a_long_turn_goes_on_while_the_agent_writes_down_what_it_hears():
    async with awake(listening=False) as it:
        it.session.send("input.speech.started")
        for n in range(8):
            await asyncio.sleep(5)
            it.session.send("transcript.user.delta", item_id="i", text="and " * n)
            assert it.phase is Phase.HEARING
