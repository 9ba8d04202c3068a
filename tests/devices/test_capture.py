"""Capture from a virtual microphone through real ALSA."""

import asyncio
import contextlib
import threading
import time
import wave
from array import array
from pathlib import Path

import pytest

from tests.devices.rig import MICROPHONE_RATE_HZ, percentile
from tests.devices.sources import Tone
from voiced.core.pcm import PcmFormat
from voiced.devices.sound.alsa_capture import AlsaMicrophone
from voiced.devices.sound.alsa_playback import AlsaSpeaker
from voiced.errors import DeviceError

pytestmark = pytest.mark.real_time

SPEECH = Path("/usr/share/sounds/alsa")


def speech_at_16_khz(path, name="Front_Center.wav"):
    """Human speech from alsa-utils, three samples averaged into one; return it and its PCM."""
    assert (SPEECH / name).exists(), "recorded speech is missing: apt-get install alsa-utils"
    with wave.open(str(SPEECH / name), "rb") as file:
        assert (file.getframerate(), file.getnchannels()) == (48000, 1)
        fast = array("h", file.readframes(file.getnframes()))
    slow = array("h", (sum(fast[i : i + 3]) // 3 for i in range(0, len(fast) - 2, 3)))
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, MICROPHONE_RATE_HZ, 0, "NONE", ""))
        file.writeframes(slow.tobytes())
    return slow.tobytes()


@contextlib.asynccontextmanager
async def capturing(rig, deliver, **options):
    microphone = AlsaMicrophone(rig.microphone, **options)
    async with microphone.open() as capture, asyncio.TaskGroup() as tasks:
        task = tasks.create_task(capture.run(deliver))
        yield capture
        task.cancel()


async def test_human_speech_arrives_sample_for_sample(rig, tmp_path):
    said = speech_at_16_khz(tmp_path / "speech.wav")
    heard = bytearray()
    async with capturing(rig, heard.extend) as capture:
        assert capture.format == PcmFormat(16000)
        await asyncio.sleep(0.2)
        speaking = rig.feed(tmp_path / "speech.wav")
        await asyncio.sleep(len(said) / 2 / MICROPHONE_RATE_HZ + 0.6)
        assert speaking.wait(5) == 0
        assert (capture.xruns, capture.lost_periods) == (0, 0)
    spoken = said.strip(b"\0")
    assert len(spoken) > MICROPHONE_RATE_HZ
    assert spoken in heard


async def test_periods_come_at_the_rate_of_the_device(rig):
    arrivals = []

    def deliver(pcm):
        assert len(pcm) == 640
        arrivals.append(time.monotonic())

    async with capturing(rig, deliver):
        await asyncio.sleep(3.2)
    steady = arrivals[5:]
    rate_hz = 320 * (len(steady) - 1) / (steady[-1] - steady[0])
    assert rate_hz == pytest.approx(16000, rel=0.015)


async def test_a_period_reaches_the_loop_within_milliseconds(rig, measured):
    read_s, waits_ms = [], []

    class TimedPcm:
        def __init__(self, pcm):
            self._pcm = pcm

        def __getattr__(self, name):
            return getattr(self._pcm, name)

        def read(self):
            answer = self._pcm.read()
            read_s.append(time.monotonic())
            return answer

    class TimedAlsa:
        def __getattr__(self, name):
            import alsaaudio

            return getattr(alsaaudio, name)

        def PCM(self, **asked):  # noqa: N802 - the library's name
            return TimedPcm(self.__getattr__("PCM")(**asked))

    def deliver(_):
        waits_ms.append((time.monotonic() - read_s[len(waits_ms)]) * 1000)

    async with capturing(rig, deliver, alsa=TimedAlsa()):
        await asyncio.sleep(2)
    median, high = percentile(waits_ms, 50), percentile(waits_ms, 99)
    measured(f"period read to delivered: p50 {median:.2f} ms, p99 {high:.2f} ms")
    assert len(waits_ms) > 80
    assert percentile(waits_ms, 95) < 5


@pytest.mark.parametrize("make", [AlsaMicrophone, AlsaSpeaker])
async def test_an_unplugged_device_is_reported_at_once(doomed_rig, make):
    name = doomed_rig.microphone if make is AlsaMicrophone else doomed_rig.speaker
    async with make(name).open() as opened:
        work = opened.run(Tone() if make is AlsaSpeaker else lambda _: None)
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(contained(work))
            await asyncio.sleep(0.5)
            pulled_s = time.monotonic()
            doomed_rig.kill()
            error = await task
        assert time.monotonic() - pulled_s < 2
    assert isinstance(error, DeviceError)
    assert "it stopped working" in str(error)


async def contained(work):
    try:
        await work
    except DeviceError as error:
        return error
    return None


@pytest.mark.parametrize("make", [AlsaMicrophone, AlsaSpeaker])
async def test_stopping_is_quick_and_twenty_cycles_leave_nothing_behind(rig, make):
    async def cycle():
        name = rig.microphone if make is AlsaMicrophone else rig.speaker
        async with make(name).open() as opened, asyncio.TaskGroup() as tasks:
            source = Tone() if make is AlsaSpeaker else lambda _: None
            task = tasks.create_task(opened.run(source))
            await asyncio.sleep(0.05)
            stopped_s = time.monotonic()
            task.cancel()
        return time.monotonic() - stopped_s

    await cycle()
    before = await left_behind()
    assert max([await cycle() for _ in range(20)]) < 0.1
    assert await left_behind() == before


async def left_behind():
    """Return how much is open once it stays so: the sound client's own thread goes a moment after the close."""
    before, now = None, (open_files(), threads())
    while now != before:
        await asyncio.sleep(0.2)
        before, now = now, (open_files(), threads())
    return now


def open_files():
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def threads():
    """All threads, also those that Python does not know, without the opener's idle ones."""
    names = [thread.name for thread in threading.enumerate()]
    assert "capture" not in names
    assert "playback" not in names
    idle = sum(name.startswith("asyncio_") for name in names)
    return sum(1 for _ in Path("/proc/self/task").iterdir()) - idle


@pytest.mark.parametrize("make", [AlsaMicrophone, AlsaSpeaker])
@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("no-such-pcm", "no sound card and no PCM"),
        ("2886:001a", "no sound card 2886:001a is connected"),
        ("hw:CARD=Nothing", "no sound card Nothing is connected"),
    ],
)
async def test_a_name_that_means_nothing_is_a_clear_error(rig, make, name, problem):
    with pytest.raises(DeviceError, match=problem) as caught:
        async with make(name).open():
            pass
    assert caught.value.device == name
    assert caught.value.hint
