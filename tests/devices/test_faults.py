"""Overruns, stalls and races, which the rig cannot make: a scripted PCM in real time."""

import asyncio
import contextlib
import itertools
import logging
import threading
import time

import pytest

from tests.devices.fake_alsa import XRUN, AlsaError, fake_alsa
from tests.devices.sources import Tone
from voiced.devices.sound.alsa_capture import AlsaMicrophone
from voiced.devices.sound.alsa_playback import AlsaSpeaker
from voiced.errors import DeviceError

pytestmark = pytest.mark.real_time

PERIOD_BYTES = 640


@contextlib.asynccontextmanager
async def running(coroutine):
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(coroutine)
        yield task
        task.cancel()


async def until(claim, timeout_s=3.0):
    async with asyncio.timeout(timeout_s):
        while not claim():
            await asyncio.sleep(0.005)


def stand_still(duration_s):
    """Hold up whoever calls."""
    time.sleep(duration_s)


def numbers(periods):
    """The number of the read that each period came from; 0 for silence."""
    assert {len(period) for period in periods} == {PERIOD_BYTES}
    assert all(period == period[:2] * (PERIOD_BYTES // 2) for period in periods)
    return [int.from_bytes(period[:2], "little") for period in periods]


async def test_sound_lost_to_an_overrun_becomes_silence_of_the_same_length(caplog):
    caplog.set_level(logging.INFO)
    alsa = fake_alsa()
    periods = []

    def overrun():
        time.sleep(0.1)
        return XRUN

    async with AlsaMicrophone("default", alsa=alsa).open() as capture:
        async with running(capture.run(periods.append)):
            await until(lambda: len(periods) >= 4)
            alsa.opened.faults += [overrun, XRUN]
            await until(lambda: capture.periods >= 12)
        assert capture.xruns == 2
        assert capture.lost_periods == 5
    heard = numbers(periods)
    first = heard.index(0)
    assert heard[first : first + 5] == [0] * 5
    assert heard[:first] + heard[first + 5 :] == list(range(1, len(heard) - 4))
    assert [record.message for record in caplog.records] == ["default: overrun"]


async def test_the_wanted_channel_is_picked():
    alsa = fake_alsa(lambda pcm: pcm.parameters.update(channels=6))
    periods = []
    microphone = AlsaMicrophone("default", channel=4, alsa=alsa)
    async with microphone.open() as capture, running(capture.run(periods.append)):
        await until(lambda: len(periods) >= 2)
    assert numbers(periods)[:2] == [4001, 4002]


async def test_a_loop_that_stands_still_loses_the_oldest_sound_and_counts_it():
    alsa = fake_alsa()
    periods = []
    async with AlsaMicrophone("default", alsa=alsa).open() as capture:
        async with running(capture.run(periods.append)):
            await until(lambda: len(periods) >= 1)
            stand_still(1.6)
            await until(lambda: capture.lost_periods > 0)
        heard = numbers(periods)
        gaps = [b - a - 1 for a, b in itertools.pairwise(heard)]
        assert sum(gaps) == max(gaps) == capture.lost_periods
        assert 8 <= capture.lost_periods <= 20


async def test_a_failing_listener_ends_the_capture():
    def deliver(_):
        raise ValueError("a bug")

    async with AlsaMicrophone("default", alsa=fake_alsa()).open() as capture:
        with pytest.raises(ValueError, match="a bug"):
            await capture.run(deliver)
    assert "capture" not in [thread.name for thread in threading.enumerate()]


async def test_sound_that_is_long_in_coming_is_asked_for_no_later_than_other():
    """The ring goes on playing while sound is made and written; it is full for 500 ms, and low with 200."""

    class Slow(Tone):
        def pull(self, n_bytes):
            time.sleep(0.15)
            return super().pull(n_bytes)

    alsa = fake_alsa()
    speaker = AlsaSpeaker("default", period_ms=100, alsa=alsa)
    async with speaker.open() as playback, running(playback.run(Slow())):
        await until(lambda: playback.periods >= 15)
    assert alsa.opened.underruns == 0


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_thread_that_dies_of_a_bug_is_not_silent():
    class Broken(Tone):
        def pull(self, n_bytes):
            raise ValueError("a bug")

    async with AlsaSpeaker("default", alsa=fake_alsa()).open() as playback:
        with pytest.raises(DeviceError, match="default: its thread died"):
            await playback.run(Broken())


@pytest.mark.parametrize("make", [AlsaMicrophone, AlsaSpeaker])
async def test_a_device_that_moves_no_sound_is_given_up_after_two_seconds(make):
    def stall(pcm):
        pcm.stalled = True

    alsa = fake_alsa(stall)
    async with make("default", alsa=alsa).open() as opened:
        started_s = time.monotonic()
        with pytest.raises(DeviceError, match="no sound moved for 2 s"):
            await opened.run(Tone() if make is AlsaSpeaker else lambda _: None)
        assert 1.9 < time.monotonic() - started_s < 4.0
    assert alsa.opened.closed


@pytest.mark.parametrize("make", [AlsaMicrophone, AlsaSpeaker])
async def test_a_failing_device_is_a_device_error(make):
    alsa = fake_alsa()
    async with make("default", alsa=alsa).open() as opened:
        alsa.opened.faults.append(AlsaError("No such device [fake]"))
        with pytest.raises(DeviceError, match=r"it stopped working \(No such device\)"):
            await opened.run(Tone() if make is AlsaSpeaker else lambda _: None)


async def test_a_device_that_is_gone_while_waiting_for_room_is_a_device_error():
    alsa = fake_alsa()
    async with AlsaSpeaker("default", alsa=alsa).open() as playback:
        alsa.opened.avail = lambda: -19
        with pytest.raises(DeviceError, match=r"it stopped working \(No such device\)"):
            await playback.run(Tone())


async def test_sound_refused_by_an_underrun_is_written_again(caplog):
    alsa = fake_alsa()

    class Counting(Tone):
        def pull(self, n_bytes):
            first = self.pulled_bytes // 1920 + 1
            self.pulled_bytes += n_bytes
            numbers = range(first, first + n_bytes // 1920)
            return b"".join(number.to_bytes(2, "little") * 960 for number in numbers)

    source = Counting()
    async with AlsaSpeaker("default", alsa=alsa).open() as playback:
        async with running(playback.run(source)):
            await until(lambda: playback.periods >= 6)
            alsa.opened.faults.append(XRUN)
            await until(lambda: playback.periods >= 10)
        assert playback.xruns == 1
        heard = b"".join(alsa.opened.written)
    played = [int.from_bytes(heard[i : i + 2], "little") for i in range(0, len(heard), 960 * 4)]
    assert played == list(range(1, len(played) + 1))
    assert [record.message for record in caplog.records] == ["default: underrun"]


async def test_sound_pulled_before_a_drop_is_never_written_after_it():
    alsa = fake_alsa()
    pulling, dropped = threading.Event(), threading.Event()

    class Slow(Tone):
        def pull(self, n_bytes):
            pcm = super().pull(n_bytes)
            if self.pulled_bytes >= 8 * 1920 and not pulling.is_set():
                pulling.set()
                dropped.wait(5)
            return pcm

    source = Slow()
    speaker = AlsaSpeaker("default", alsa=alsa)
    async with speaker.open() as playback, running(playback.run(source)):
        await until(pulling.is_set)
        source.sounding = False
        n_written = len(alsa.opened.written)
        playback.drop()
        dropped.set()
        await until(lambda: len(alsa.opened.written) > n_written + 3)
    assert any(b"".join(alsa.opened.written[:n_written]))
    assert not any(b"".join(alsa.opened.written[n_written:]))


async def test_a_drop_in_the_middle_of_a_write_waits_for_it_and_then_drops():
    alsa = fake_alsa()
    order = []

    async with AlsaSpeaker("default", alsa=alsa).open() as playback:
        pcm = alsa.opened

        def slow_write():
            order.append("write begins")
            time.sleep(0.05)
            order.append("write ends")
            return 960

        pcm.on_drop = lambda: order.append("drop")
        async with running(playback.run(Tone())):
            await until(lambda: playback.periods >= 4)
            pcm.faults.append(slow_write)
            await until(lambda: "write begins" in order)
            playback.drop()
            order.append("dropped")
    assert order[:4] == ["write begins", "write ends", "drop", "dropped"]


async def test_frames_dropped_count_as_played():
    source = Tone()
    speaker = AlsaSpeaker("default", alsa=fake_alsa())
    async with speaker.open() as playback, running(playback.run(source)):
        await until(lambda: playback.periods >= 5)
        pulled_frames = source.pulled_bytes // 2
        assert source.played_frames < pulled_frames
        playback.drop()
        await until(lambda: source.played_frames >= pulled_frames, timeout_s=0.015)


async def test_closing_drops_first_as_close_alone_would_play_out_the_ring():
    order = []
    alsa = fake_alsa()
    async with AlsaSpeaker("default", alsa=alsa).open() as playback:
        alsa.opened.on_drop = lambda: order.append(("drop", alsa.opened.closed))
        async with running(playback.run(Tone())):
            await until(lambda: playback.periods >= 4)
    assert order == [("drop", False)]
    assert alsa.opened.closed


async def test_the_first_write_holds_several_periods_and_the_ring_is_kept_short():
    alsa = fake_alsa(lambda pcm: pcm.parameters.update(buffer_size=48000))
    async with AlsaSpeaker("default", alsa=alsa).open() as playback:
        held = []
        async with running(playback.run(Tone())):
            while playback.periods < 20:
                held.append((48000 - alsa.opened.avail()) / 960)
                await asyncio.sleep(0.004)
    assert len(alsa.opened.written[0]) == 5 * 960 * 4
    assert max(held) <= 5.1
    assert playback.xruns == 0
