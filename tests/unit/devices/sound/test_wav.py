"""WAV files as microphone and speaker, on the jumping clock."""

import asyncio
import contextlib
import wave

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voiced.core.pcm import PcmFormat
from voiced.devices.sound.channels import one_channel
from voiced.devices.sound.wav import Metronome, WavMicrophone, WavSpeaker, wav_header
from voiced.errors import DeviceError

RATE_HZ = 16000
PERIOD_BYTES = 640


def sound(n_frames, start=1):
    return b"".join((start + i % 20000).to_bytes(2, "little") for i in range(n_frames))


def write_wav(path, pcm, *, rate_hz=RATE_HZ, channels=1, width=2):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate_hz)
        file.writeframes(pcm)
    return path


def read_back(path):
    with wave.open(str(path), "rb") as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE_HZ, 1, 2)
        return file.readframes(file.getnframes())


async def run_for(running, duration_s):
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(duration_s):
            await running


async def captured(microphone, n_periods):
    periods = []
    async with microphone.open() as capture:
        await run_for(capture.run(periods.append), n_periods * 0.02 + 0.001)
        assert capture.periods == len(periods) == n_periods
    return periods


class Source:
    """Plays numbered periods."""

    def __init__(self):
        self.pulled = []
        self.heard = []
        self.n_periods = 0

    def pull(self, n_bytes):
        self.n_periods += 1
        period = bytes([self.n_periods % 250 + 1]) * n_bytes
        self.pulled.append(period)
        return period

    def played(self, n_frames):
        self.heard.append(n_frames)


async def test_the_file_is_heard_once_and_then_silence(tmp_path):
    pcm = sound(800)
    periods = await captured(WavMicrophone(write_wav(tmp_path / "a.wav", pcm)), 5)
    assert {len(period) for period in periods} == {PERIOD_BYTES}
    assert b"".join(periods) == pcm.ljust(5 * PERIOD_BYTES, b"\0")


async def test_what_is_said_or_cued_follows_what_is_queued(tmp_path):
    first, second, third = sound(100), sound(50, start=7), sound(20, start=9)
    microphone = WavMicrophone(write_wav(tmp_path / "a.wav", first))
    microphone.cue(write_wav(tmp_path / "b.wav", second))
    microphone.say(third)
    heard = b"".join(await captured(microphone, 2))
    assert heard == (first + second + third).ljust(2 * PERIOD_BYTES, b"\0")


async def test_without_a_file_there_is_silence_until_somebody_speaks():
    microphone = WavMicrophone(None)
    periods = []

    def deliver(period):
        periods.append(period)
        if len(periods) == 2:
            microphone.say(b"\1\2" * 320)

    async with microphone.open() as capture:
        assert capture.format == PcmFormat(16000)
        await run_for(capture.run(deliver), 0.081)
    assert periods == [bytes(640), bytes(640), b"\1\2" * 320, bytes(640)]


async def test_a_cue_at_another_rate_is_refused(tmp_path):
    microphone = WavMicrophone(write_wav(tmp_path / "a.wav", sound(10)))
    other = write_wav(tmp_path / "b.wav", sound(10), rate_hz=8000)
    with pytest.raises(DeviceError, match="it has 8000 Hz, the microphone 16000 Hz"):
        microphone.cue(other)


@pytest.mark.parametrize("channel", [0, 1, 5])
@pytest.mark.parametrize("rate_hz", [8000, 44100, 48000])
async def test_any_rate_and_channel_count_gives_one_channel(tmp_path, rate_hz, channel):
    pcm = sound(6 * 2000)
    path = write_wav(tmp_path / "a.wav", pcm, rate_hz=rate_hz, channels=6)
    microphone = WavMicrophone(path, channel=channel)
    async with microphone.open() as capture:
        assert capture.format == PcmFormat(rate_hz)
    heard = b"".join(await captured(WavMicrophone(path, channel=channel), 2))
    assert heard == one_channel(pcm, channel, 6)[: len(heard)]


@pytest.mark.parametrize(
    ("prepare", "problem"),
    [
        (lambda path: None, "cannot read it: No such file or directory"),
        (lambda path: path.mkdir(), "cannot read it: Is a directory"),
        (lambda path: path.write_bytes(b""), "not a WAV file"),
        (lambda path: path.write_text("hello, this is no sound at all"), "not a WAV file"),
        (lambda path: write_wav(path, bytes(300)), "there is no channel 1"),
    ],
)
async def test_a_missing_or_odd_file_is_one_clear_error(tmp_path, prepare, problem):
    path = tmp_path / "a.wav"
    prepare(path)
    with pytest.raises(DeviceError, match=problem) as caught:
        async with WavMicrophone(path, channel=1).open():
            pass
    assert caught.value.device == f"wav:{path}"
    assert caught.value.hint


async def test_a_failing_listener_ends_the_capture():
    def deliver(_):
        raise ValueError("a bug")

    async with WavMicrophone(None).open() as capture:
        with pytest.raises(ValueError, match="a bug"):
            await capture.run(deliver)


async def test_what_is_played_is_in_the_file(tmp_path):
    source = Source()
    async with WavSpeaker(tmp_path / "out.wav").open() as playback:
        assert playback.format == PcmFormat(RATE_HZ)
        await run_for(playback.run(source), 0.101)
    assert source.n_periods == 5
    assert read_back(tmp_path / "out.wav") == b"".join(source.pulled[:4])


async def test_the_position_counts_a_period_once_its_time_has_passed(tmp_path):
    source = Source()
    async with WavSpeaker(tmp_path / "out.wav").open() as playback:
        await run_for(playback.run(source), 0.061)
    assert source.heard == [0, 320, 640]


async def test_a_drop_silences_the_rest_of_the_period_and_keeps_what_was_heard(tmp_path):
    source = Source()
    async with WavSpeaker(tmp_path / "out.wav").open() as playback, asyncio.TaskGroup() as tasks:
        running = tasks.create_task(playback.run(source))
        await asyncio.sleep(0.04503)
        playback.drop()
        await asyncio.sleep(0.036)
        running.cancel()
    first, second, third = source.pulled[:3]
    assert read_back(tmp_path / "out.wav") == first + second[:160].ljust(640, b"\0") + third


async def test_a_drop_before_anything_is_played_is_harmless(tmp_path):
    async with WavSpeaker(tmp_path / "out.wav").open() as playback:
        playback.drop()
    assert read_back(tmp_path / "out.wav") == b""


async def test_the_file_is_valid_and_at_most_a_second_behind_at_every_moment(tmp_path):
    path = tmp_path / "out.wav"
    async with WavSpeaker(path).open() as playback, asyncio.TaskGroup() as tasks:
        running = tasks.create_task(playback.run(Source()))
        for elapsed_s in range(6):
            await asyncio.sleep(0.73)
            held_s = len(read_back(path)) / 2 / RATE_HZ
            assert held_s >= 0.73 * (elapsed_s + 1) - 1.05
        running.cancel()


async def test_a_file_that_cannot_be_written_is_one_clear_error(tmp_path):
    with pytest.raises(DeviceError, match="cannot write it: No such file or directory"):
        async with WavSpeaker(tmp_path / "no" / "out.wav").open():
            pass


@pytest.mark.real_time
async def test_a_full_disk_is_one_clear_error():
    with pytest.raises(DeviceError, match="/dev/full: cannot write it: No space left on device"):
        async with WavSpeaker("/dev/full").open():
            pass


@given(n_bytes=st.integers(0, 2**33), rate_hz=st.sampled_from([8000, 16000, 48000]))
@settings(max_examples=50)
def test_the_header_states_the_size_as_far_as_a_wav_file_can(n_bytes, rate_hz):
    header = wav_header(PcmFormat(rate_hz), n_bytes)
    assert len(header) == 44
    assert int.from_bytes(header[40:44], "little") == min(n_bytes, 2**32 - 1)
    assert int.from_bytes(header[24:28], "little") == rate_hz


async def test_an_hour_of_periods_does_not_drift():
    loop, beats = asyncio.get_running_loop(), []
    await asyncio.sleep(0.0133)
    started_s = loop.time()
    await run_for(Metronome(20, lambda: beats.append(loop.time())).run(), 3600)
    assert len(beats) == 180_000
    assert max(abs(at_s - 0.02 * (i + 1)) for i, at_s in enumerate(beats)) < 1e-6
    assert beats[0] - started_s <= 0.02


async def test_both_directions_beat_at_the_same_moment_wherever_they_start():
    loop, beats = asyncio.get_running_loop(), {0.003: [], 0.017: []}

    async def start(after_s):
        await asyncio.sleep(after_s)
        await run_for(Metronome(20, lambda: beats[after_s].append(loop.time())).run(), 1)

    async with asyncio.TaskGroup() as tasks:
        for after_s in beats:
            tasks.create_task(start(after_s))
    assert beats[0.003] == beats[0.017]


async def test_after_a_stall_the_missed_beats_are_made_up_at_once():
    loop, beats = asyncio.get_running_loop(), []

    def tick():
        beats.append(loop.time())
        if len(beats) == 2:
            loop._jumping.now += 0.2  # the loop is held up inside this beat

    await run_for(Metronome(20, tick).run(), 0.301)
    assert len(beats) == 15
    assert beats[1:12] == pytest.approx([0.04] + [0.24] * 10)
