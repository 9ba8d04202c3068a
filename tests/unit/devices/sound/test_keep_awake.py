"""A microphone that hears nothing unless its own card plays."""

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.devices.fake_alsa import fake_alsa
from tests.unit.devices.sound.test_recovery import ComponentCache
from voiced.core.pcm import PcmFormat
from voiced.devices.sound.alsa_capture import AlsaMicrophone
from voiced.devices.sound.keep_awake import KeptAwake
from voiced.errors import DeviceError

pytestmark = pytest.mark.real_time

MACHINES = Path(__file__).parent / "asound"


class Quiet:
    """A playback that counts whether it runs."""

    format = PcmFormat(16_000)
    mixer = None

    def __init__(self):
        self.opened = []
        self.running = False
        self.fails = False

    def __call__(self, card):
        self.opened.append(card)
        return self

    @asynccontextmanager
    async def open(self):
        yield self

    def relax(self, relaxed):
        self.relaxed = relaxed

    async def run(self, source):
        self.running = True
        try:
            source.played(0)
            assert source.pull(8) == bytes(8)
            while not self.fails:
                await asyncio.sleep(0.01)
            raise DeviceError("playback", "it stopped working")
        finally:
            self.running = False


def microphone(machine, device, alsa):
    return AlsaMicrophone(device, alsa=alsa, recovery=ComponentCache(machine).recovery)


@pytest.mark.parametrize(
    ("machine", "device", "speaker", "opened"),
    [
        ("xvf3800", "2886:001a", "vc4hdmi0", ["Array"]),
        ("xvf3800", "2886:001a", "wav:x.wav", ["Array"]),
        ("xvf3800", "2886:001a", "2886:001a", []),
        ("xvf3800", "auto", "auto", []),
        ("arrayuac10", "2886:0018", "vc4hdmi0", []),
        ("hdmi", "default", "default", []),
    ],
)
async def test_its_playback_is_kept_open_only_if_it_must_be_and_nobody_else_does(
    machine, device, speaker, opened
):
    quiet, periods = Quiet(), []
    kept = KeptAwake(microphone(machine, device, fake_alsa()), speaker, quiet)
    async with kept.open() as capture, asyncio.TaskGroup() as group:
        task = group.create_task(capture.run(periods.append))
        while len(periods) < 3:
            await asyncio.sleep(0.01)
        assert quiet.running is bool(opened)
        task.cancel()
    assert quiet.opened == opened
    assert not quiet.running


async def test_a_failure_of_either_is_a_failure_of_the_microphone():
    quiet = Quiet()
    kept = KeptAwake(microphone("xvf3800", "2886:001a", fake_alsa()), "vc4hdmi0", quiet)
    async with kept.open() as capture:
        asyncio.get_running_loop().call_later(0.1, setattr, quiet, "fails", True)
        with pytest.raises(DeviceError, match="playback: it stopped working"):
            await capture.run(lambda period: None)
    assert not quiet.running


async def test_what_the_taker_of_periods_raises_comes_through():
    def refuse(period):
        raise LookupError("enough")

    kept = KeptAwake(microphone("xvf3800", "2886:001a", fake_alsa()), "vc4hdmi0", Quiet())
    async with kept.open() as capture:
        with pytest.raises(LookupError):
            await capture.run(refuse)
