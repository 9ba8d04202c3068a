"""Drivers that do not return: what is shown, how many threads it costs, and that nothing waits for them."""

import asyncio
import threading
import time
from contextlib import suppress

import pytest

from tests.devices.fake_alsa import fake_alsa
from tests.whole import until
from voiced.audio.playout import Playout
from voiced.audio.uplink import UplinkQueue
from voiced.devices.sound.alsa_capture import AlsaMicrophone
from voiced.devices.sound.alsa_playback import AlsaSpeaker
from voiced.devices.sound.driver_calls import KEEP_S, DriverCalls
from voiced.devices.sound.recovery import CardRecovery
from voiced.errors import DeviceError, SoundFault
from voiced.host.systemd import SoundProgressCheck
from voiced.runtime.pipes import REOPEN_S, CapturePipe, PlaybackPipe, Progress

pytestmark = pytest.mark.real_time

WITHIN_S = 0.2


class Driver:
    """An ALSA whose calls wait for `lets_go`; counts who waits.

    Attributes:
        opened: Every PCM it has handed out.
    """

    def __init__(self):
        self.lets_go = threading.Event()
        self.alsa = fake_alsa()
        self.opened = []
        self.waiting = self.most_waiting = self.asked = 0
        self._open, self.alsa.PCM = self.alsa.PCM, self._slowly

    def _slowly(self, **asked):
        self.asked += 1
        self.waiting += 1
        self.most_waiting = max(self.waiting, self.most_waiting)
        self.lets_go.wait(20)
        self.waiting -= 1
        self.opened.append(self._open(**asked))
        return self.opened[-1]


@pytest.fixture
def driver():
    driver = Driver()
    yield driver
    driver.lets_go.set()


def device(make, driver, calls=None):
    recovery = CardRecovery(calls=calls or DriverCalls(WITHIN_S))
    return make("default", alsa=driver.alsa, recovery=recovery)


async def opens(one):
    async with one.open():
        pass


BOTH = pytest.mark.parametrize("make", [AlsaMicrophone, AlsaSpeaker])


@BOTH
async def test_an_opening_that_hangs_is_told_in_time_and_costs_one_thread(make, driver):
    one = device(make, driver)
    for _ in range(5):
        with pytest.raises(DeviceError, match="default: opening hangs; replug it") as caught:
            await opens(one)
        assert caught.value.fault is SoundFault.HANGING
    assert (driver.asked, driver.most_waiting) == (1, 1)


@BOTH
async def test_what_opens_too_late_is_taken_by_the_next_attempt(make, driver):
    one = device(make, driver)
    with pytest.raises(DeviceError):
        await opens(one)
    driver.lets_go.set()
    await until(lambda: driver.opened)
    async with one.open():
        assert driver.asked == 1
        await asyncio.sleep(KEEP_S + 0.3)
        assert not driver.opened[0].closed
    assert driver.opened[0].closed


@BOTH
async def test_what_opens_too_late_for_anybody_is_closed(make, driver):
    one = device(make, driver)
    with pytest.raises(DeviceError):
        await opens(one)
    driver.lets_go.set()
    await until(lambda: driver.opened and driver.opened[0].closed, within_s=KEEP_S + 2)
    await opens(one)
    assert [pcm.closed for pcm in driver.opened] == [True, True]


@BOTH
async def test_an_opening_that_is_called_off_holds_up_nothing_and_is_closed(make, driver):
    task = asyncio.create_task(opens(device(make, driver)))
    await until(lambda: driver.waiting)
    began_s = time.monotonic()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert time.monotonic() - began_s < 0.1
    driver.lets_go.set()
    await until(lambda: driver.opened and driver.opened[0].closed)


@BOTH
async def test_another_setting_of_the_same_device_waits_for_the_thread_that_hangs(make, driver):
    calls = DriverCalls(WITHIN_S)
    first, second = (device(make, driver, calls) for _ in range(2))
    for one in (first, second, second):
        with pytest.raises(DeviceError, match="opening hangs"):
            await opens(one)
    assert driver.asked == 1
    driver.lets_go.set()
    async with second.open():
        assert driver.opened[0].closed
        assert not driver.opened[1].closed
    assert driver.asked == 2


@BOTH
async def test_a_closing_that_hangs_is_not_waited_for_and_is_told_by_the_next_opening(make, driver):
    driver.lets_go.set()
    one, close = device(make, driver), threading.Event()
    async with one.open():
        driver.opened[0].close = lambda: close.wait(20)
        began_s = time.monotonic()
    assert time.monotonic() - began_s < 1.0
    with pytest.raises(DeviceError, match="closing hangs") as caught:
        await opens(one)
    assert caught.value.fault is SoundFault.HANGING
    close.set()
    await opens(one)


async def test_the_pipes_go_on_trying_the_watchdog_counts_it_and_both_come_back(driver):
    """The pipes, the adapters and the judge of the watchdog, as the daemon joins them."""
    told = {}

    def tell(event, _error):
        told[type(event).__name__] = event.fault

    playout = Playout(48_000, lambda reply_id: None)
    capture = CapturePipe(device(AlsaMicrophone, driver), (), UplinkQueue(1000), 0.0)
    playback = PlaybackPipe(device(AlsaSpeaker, driver), playout)

    def judged(progress_check):
        microphone, speaker = told.get("MicrophoneChanged"), told.get("SpeakerChanged")
        return progress_check.judge(
            Progress(capture.periods, playout.position, microphone, speaker)
        )

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(pipe.run(tell)) for pipe in (capture, playback)]
        await until(lambda: [*told.values()] == [SoundFault.HANGING] * 2)
        progress_check = SoundProgressCheck()
        progress_check.judge(Progress(0, 0))
        for _ in range(4):
            await asyncio.sleep(REOPEN_S)
            assert not judged(progress_check)
        assert driver.most_waiting == 2  # one for each direction
        driver.lets_go.set()
        await until(lambda: [*told.values()] == [None, None])
        await asyncio.sleep(0.3)
        judged(progress_check)
        await asyncio.sleep(0.3)
        assert judged(progress_check)
        for task in tasks:
            task.cancel()
