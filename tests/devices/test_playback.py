"""Playback to a virtual speaker through real ALSA, judged by what is heard there."""

import asyncio
import contextlib
import time
import wave

import pytest

from tests.devices.rig import SPEAKER_RATE_HZ, percentile
from tests.devices.sources import Clip, Tone, square
from tests.devices.test_capture import SPEECH
from voiced.core.pcm import PcmFormat
from voiced.devices.sound.alsa_playback import AlsaSpeaker

pytestmark = pytest.mark.real_time

N_DROPS = 30


@contextlib.asynccontextmanager
async def playing(rig, source):
    async with AlsaSpeaker(rig.speaker).open() as playback, asyncio.TaskGroup() as tasks:
        task = tasks.create_task(playback.run(source))
        yield playback
        task.cancel()


async def test_human_speech_is_heard_sample_for_sample_on_both_sides(rig):
    with wave.open(str(SPEECH / "Front_Center.wav"), "rb") as file:
        speech = file.readframes(file.getnframes())
    source = Clip(speech)
    with rig.record_speaker(channels=2) as heard:
        async with playing(rig, source) as playback:
            assert playback.format == PcmFormat(48000)
            await asyncio.to_thread(source.heard.wait, 10)
            await asyncio.to_thread(heard.wait_until, time.monotonic() + 0.2)
            assert playback.xruns == 0
    left, right = heard.samples[0::2], heard.samples[1::2]
    assert left == right
    assert speech.strip(b"\0") in left.tobytes()


async def test_after_a_drop_nothing_more_is_heard_and_new_sound_is(rig, measured):
    tone = Tone(sounding=False)
    dropped_s, resumed_s, calls_ms = [], [], []
    with rig.record_speaker() as heard:
        async with playing(rig, tone) as playback:
            for i in range(N_DROPS):
                tone.sounding = True
                resumed_s.append(time.monotonic())
                await asyncio.sleep(0.15 + 0.0007 * i)
                tone.sounding = False
                dropped_s.append(time.monotonic())
                playback.drop()
                calls_ms.append((time.monotonic() - dropped_s[-1]) * 1000)
                await asyncio.sleep(0.15)
        heard.wait_until(dropped_s[-1] + 0.14)
    lasts = [heard.last_audible_s(at_s - 0.1, at_s + 0.14) for at_s in dropped_s]
    assert None not in lasts
    late_ms = [(last - at) * 1000 for last, at in zip(lasts, dropped_s, strict=True)]
    measured(
        f"drop to silence: p50 {percentile(late_ms, 50):.1f} p95 {percentile(late_ms, 95):.1f} "
        f"max {max(late_ms):.1f} ms; the call itself: max {max(calls_ms):.2f} ms"
    )
    assert percentile(late_ms, 95) <= 25
    assert max(late_ms) < 60
    assert percentile(calls_ms, 50) < 2
    for at_s in resumed_s:
        first_s = heard.first_audible_s(at_s, at_s + 0.15)
        assert first_s is not None
        assert first_s - at_s < 0.12


async def test_the_position_says_when_the_last_frame_was_heard(rig, measured):
    errors_ms = []
    for n_frames in (4800, 7000, 9600, 12345):
        source = Clip(square(n_frames))
        with rig.record_speaker() as heard:
            started_s = time.monotonic()
            async with playing(rig, source):
                assert await asyncio.to_thread(source.heard.wait, 5)
                await asyncio.to_thread(heard.wait_until, time.monotonic() + 0.1)
        last_s = heard.last_audible_s(started_s, started_s + 1)
        errors_ms.append((source.heard_at_s() - last_s) * 1000)
    errors = ", ".join(f"{error_ms:.1f}" for error_ms in errors_ms)
    measured(f"last frame heard to reported: {errors} ms")
    # The thread looks every three periods: up to that and a bit late.
    assert all(-5 < error_ms < 70 for error_ms in errors_ms)


async def test_sound_is_heard_soon_after_it_is_pulled(rig, measured):
    tone = Tone(sounding=False)
    with rig.record_speaker() as heard:
        async with playing(rig, tone):
            await asyncio.sleep(0.4)
            tone.sounding = True
            await asyncio.sleep(0.2)
        heard.wait_until(tone.first_loud_pull_s + 0.15)
    first_s = heard.first_audible_s(tone.first_loud_pull_s - 0.1, tone.first_loud_pull_s + 0.15)
    measured(f"pulled to heard: {(first_s - tone.first_loud_pull_s) * 1000:.1f} ms")
    assert -0.005 < first_s - tone.first_loud_pull_s < 0.075


async def test_the_speaker_runs_on_silence_at_its_own_rate_without_underruns(rig):
    tone = Tone(sounding=False)
    async with playing(rig, tone) as playback:
        await asyncio.sleep(0.3)
        before, at_s = tone.played_frames, time.monotonic()
        await asyncio.sleep(3)
        rate_hz = (tone.played_frames - before) / (time.monotonic() - at_s)
        assert playback.xruns == 0
    assert rate_hz == pytest.approx(SPEAKER_RATE_HZ, rel=0.015)
