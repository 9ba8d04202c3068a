"""A sound card that is pulled out and put back, again and again, and one that is not there at first."""

import asyncio
import threading
import time
from pathlib import Path

import pytest

from agentsim.assemblyai.server import serve_assemblyai
from agentsim.assemblyai.settings import Settings
from tests.devices.rig import percentile
from tests.devices.test_conversation import AUDIO, HUMAN, QUICK, loudness
from tests.whole import converse, daemon, until

pytestmark = pytest.mark.real_time

TIMES = 20
PROMISED_S = 2.0


def resources():
    return threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))


async def heard_speaking(rig, session):
    """Let the agent speak; return how loud it was at the speaker."""
    with rig.record_speaker() as recording:
        session.say("here I am again")
        await asyncio.sleep(1.5)
    return loudness(recording.samples)


@pytest.mark.long
async def test_a_card_that_is_pulled_out_and_put_back_talks_again_within_two_seconds(
    doomed_rig, measured
):
    back_s, held = [], []
    async with (
        serve_assemblyai(Settings(timing=QUICK, keep_heard=True)) as server,
        daemon(server.url, audio=AUDIO) as it,
    ):
        await converse(it)
        session = server.service.sessions[0]
        for time_out in range(TIMES):
            if time_out % 2:
                session.say("a reply that is cut off " * 4)
                await until(lambda: it.led.shown[-1] == "speaking")
            doomed_rig.kill()
            await until(lambda: it.led.shown[-1] == "no-microphone")
            await asyncio.sleep(0.1 * (time_out % 5))
            await asyncio.to_thread(doomed_rig.plug_in)
            usable_s = time.monotonic()
            speaker = it.runtime._playback
            microphone = it.runtime.progress.captured_periods
            await until(
                lambda speaker=speaker, microphone=microphone: (
                    it.runtime.conversation.microphone is None
                    and it.runtime.conversation.speaker is None
                    and it.runtime.progress.captured_periods > microphone + 2
                    and speaker._playback is not None
                )
            )
            back_s.append(time.monotonic() - usable_s)
            await until(lambda: it.led.shown[-1] == "listening")
            held.append(resources())
        assert await heard_speaking(doomed_rig, session) > 300
        feeding = doomed_rig.feed(HUMAN)
        await until(lambda: "hearing" in it.led.shown[-3:])
        feeding.wait()
        assert len(server.service.sessions) == 1
    p50, most = percentile(back_s, 50), max(back_s)
    measured(
        f"card usable again -> both directions run, {TIMES} times: p50 {p50:.2f}, max {most:.2f} s; "
        f"threads and descriptors {held[1]} -> {held[-1]}"
    )
    assert most <= PROMISED_S
    assert max(n_threads for n_threads, _ in held[5:]) <= held[1][0] + 1
    assert held[-1][1] <= held[1][1] + 2


async def test_a_card_that_is_not_there_at_first_is_taken_up_when_it_comes(doomed_rig):
    doomed_rig.kill()
    async with (
        serve_assemblyai(Settings(timing=QUICK)) as server,
        daemon(server.url, audio=AUDIO) as it,
    ):
        await until(lambda: it.led.shown[-1] == "no-microphone")
        assert not it.running.done()
        await asyncio.to_thread(doomed_rig.plug_in)
        usable_s = time.monotonic()
        await until(lambda: it.led.shown[-1] == "asleep")
        assert time.monotonic() - usable_s <= PROMISED_S
        await converse(it)
        assert await heard_speaking(doomed_rig, server.service.sessions[0]) > 300


async def test_the_cards_own_mixer_sets_the_volume(rig):
    playback = AUDIO.playback.__class__(device="vspk", volume=40, mixer="Master")
    audio = AUDIO.__class__(capture=AUDIO.capture, playback=playback)
    try:
        async with (
            serve_assemblyai(Settings(timing=QUICK)) as server,
            daemon(server.url, audio=audio) as it,
        ):
            await until(lambda: it.led.shown[-1] == "asleep")
            await until(lambda: "40%" in rig.control("get-sink-volume", "spk"))
            assert it.runtime.playout.volume == 100
            it.runtime.volume = 65
            await until(lambda: "65%" in rig.control("get-sink-volume", "spk"))
    finally:
        rig.control("set-sink-volume", "spk", "100%")
