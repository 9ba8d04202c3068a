"""The whole daemon on the sound rig: human speech in, replies measured at the virtual speaker."""

import asyncio
import time
import wave
from pathlib import Path

import numpy as np
import pytest

from agentsim.assemblyai.server import serve_assemblyai
from agentsim.assemblyai.settings import Settings
from agentsim.faults import Faults
from agentsim.timing import Timing
from tests.devices.rig import percentile
from tests.whole import converse, daemon, until
from voiced.config.schema_sound import AudioSection, CaptureSection, PlaybackSection

pytestmark = pytest.mark.real_time

HUMAN = Path("/usr/share/sounds/alsa/Front_Center.wav")
TRIALS = 50
LATE_AUDIO_MS = 300
BUDGET_MS = 25

QUICK = Timing(ready_s=0.05, think_s=0.05, leading_silence_s=0.0)
AUDIO = AudioSection(
    capture=CaptureSection(device="vmic", silent_after_s=0),
    playback=PlaybackSection(device="vspk", volume=100),
)


def loudness(samples):
    return float(np.sqrt(np.mean(np.asarray(samples, float) ** 2)))


async def test_human_speech_is_heard_and_the_reply_sounds(rig, measured):
    settings = Settings(timing=QUICK, keep_heard=True)
    async with (
        serve_assemblyai(settings) as server,
        daemon(server.url, audio=AUDIO) as it,
    ):
        await converse(it)
        with rig.record_speaker() as recording:
            feeding = rig.feed(HUMAN)
            await until(lambda: "hearing" in it.led.shown)
            await until(lambda: "speaking" in it.led.shown)
            await until(lambda: it.led.shown[-1] == "listening")
            await asyncio.sleep(0.2)
        feeding.wait()
        assert it.captions.final("user")
        assert loudness(recording.samples) > 300
        heard = np.frombuffer(bytes(server.service.sessions[0].hearing.uplink.heard), "<i2")
    likeness = best_correlation(heard, spoken_by_a_human())
    measured(f"human speech at the agent: correlation with what was spoken {likeness:.3f}")
    assert likeness > 0.95
    assert it.runtime.playout.underruns == 0


def spoken_by_a_human():
    """Return the recorded speech at 24 kHz."""
    with wave.open(str(HUMAN)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")[::2]


def best_correlation(heard, spoken):
    """Return the normalised correlation at the best alignment."""
    heard, spoken = heard.astype(float), spoken.astype(float)
    size = 1 << int(np.ceil(np.log2(len(heard) + len(spoken))))
    spectrum = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(spoken, size))
    at = int(np.argmax(np.fft.irfft(spectrum, size)[: len(heard)]))
    piece = heard[at : at + len(spoken)]
    spoken = spoken[: len(piece)]
    return float(piece @ spoken / np.sqrt((piece @ piece) * (spoken @ spoken)))


@pytest.mark.long
async def test_barge_in_is_heard_at_once_and_nothing_comes_late(rig, measured):
    settings = Settings(timing=QUICK, faults=Faults([f"late-audio={LATE_AUDIO_MS}"]))
    cut_ms = []
    async with (
        serve_assemblyai(settings) as server,
        daemon(server.url, audio=AUDIO) as it,
    ):
        await converse(it)
        session = server.service.sessions[0]
        for trial in range(TRIALS):
            with rig.record_speaker() as recording:
                session.say("a long reply that is going to be interrupted " * 3)
                await until(lambda: it.led.shown[-1] == "speaking")
                await asyncio.sleep(0.35 + trial % 10 / 300)
                session.send("input.speech.started")  # live, 1 to 2 s before it interrupts
                await asyncio.sleep(0.2)
                session.interrupt()
                at_s = time.monotonic()
                await asyncio.sleep((LATE_AUDIO_MS + 200) / 1000)
                await asyncio.to_thread(recording.wait_until, at_s + 0.4)
            assert recording.first_audible_s(at_s - 0.2, at_s) is not None
            last_s = recording.last_audible_s(at_s - 0.2, at_s + 10)
            cut_ms.append((last_s - at_s) * 1000)
            session.send("input.speech.stopped")
            await until(lambda: it.led.shown[-1] in {"thinking", "listening"})
    p50, p95, most = (percentile(cut_ms, percent) for percent in (50, 95, 100))
    measured(
        f"interruption sent -> last audible sample, {TRIALS} barge-ins: "
        f"p50 {p50:.1f}, p95 {p95:.1f}, max {most:.1f} ms"
    )
    assert p95 <= BUDGET_MS
    assert most < LATE_AUDIO_MS / 2  # no late audio of that reply, ever


async def test_a_sound_server_that_dies_and_comes_back_is_survived(doomed_rig):
    async with (
        serve_assemblyai(Settings(timing=QUICK)) as server,
        daemon(server.url, audio=AUDIO) as it,
    ):
        await converse(it)
        doomed_rig.kill()
        await until(lambda: it.led.shown[-1] == "no-microphone")
        assert len(server.service.connections) == 1
