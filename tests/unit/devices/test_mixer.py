"""A card's own volume controls, on a scripted mixer."""

import asyncio
import threading
from types import SimpleNamespace

import pytest

from voiced.devices.mixer import AlsaMixer, playback_mixer, set_capture_gain


class AlsaError(Exception):
    pass


class Control:
    def __init__(self, *capabilities):
        self.capabilities = capabilities
        self.volumes = []
        self.recording = None
        self.fails = False
        self.closed = 0
        self.slow = threading.Event()
        self.slow.set()

    def volumecap(self):
        return [cap for cap in self.capabilities if "Volume" in cap]

    def switchcap(self):
        return [cap for cap in self.capabilities if "Mute" in cap]

    def setvolume(self, percent, *_channel_and_direction):
        self.slow.wait(5)
        if self.fails:
            raise AlsaError("No such device")
        self.volumes.append(percent)

    def setrec(self, on):
        self.recording = on

    def close(self):
        assert self.slow.is_set()
        self.closed += 1


def library(**controls):
    def mixer(name, device):
        assert device == "hw:CARD=Array"
        if name not in controls:
            raise AlsaError("Unable to find mixer control")
        return controls[name]

    return SimpleNamespace(
        Mixer=mixer,
        mixers=lambda device: list(controls),
        ALSAAudioError=AlsaError,
        MIXER_CHANNEL_ALL=-1,
        PCM_CAPTURE=1,
    )


@pytest.mark.parametrize(
    ("names", "wanted", "found"),
    [
        (["Headset", "PCM"], "auto", "PCM"),
        (["Mic", "Headphone"], "auto", "Headphone"),
        (["Mic"], "auto", None),
        (["PCM", "Zone 2"], "Zone 2", "Zone 2"),
        (["PCM"], "none", None),
    ],
)
def test_the_control_is_the_one_named_or_the_usual_one(names, wanted, found):
    controls = {name: Control("Playback Volume") for name in names}
    controls = {
        name: Control("Capture Volume") if name == "Mic" else c for name, c in controls.items()
    }
    mixer = playback_mixer("hw:CARD=Array", wanted, library(**controls))
    assert (mixer and mixer._name) == found


def test_a_control_that_is_not_there_is_told_of_if_it_was_named(caplog):
    assert playback_mixer("hw:CARD=Array", "Zone 3", library(PCM=Control())) is None
    assert "has no mixer control Zone 3" in caplog.text


def test_every_capture_volume_is_set_and_switched_on(caplog):
    controls = {
        "Headset": Control("Capture Volume", "Capture Mute"),
        "PCM": Control("Playback Volume"),
    }
    assert set_capture_gain("hw:CARD=Array", 100, library(**controls)) == 1
    assert (controls["Headset"].volumes, controls["Headset"].recording) == ([100], 1)
    assert (controls["PCM"].volumes, controls["PCM"].recording) == ([], None)
    controls["Headset"].fails = True
    assert set_capture_gain("hw:CARD=Array", 100, library(**controls)) == 0
    assert "the capture volume cannot be set" in caplog.text


@pytest.mark.real_time
async def test_of_many_volumes_wanted_at_once_only_the_last_is_set_and_nobody_waits():
    control = Control()
    control.slow.clear()
    mixer = AlsaMixer(control, "PCM")
    for percent in range(50):
        mixer.set_volume(percent)
        await asyncio.sleep(0)
    control.slow.set()
    async with asyncio.timeout(5):
        while control.volumes[-1:] != [49]:
            await asyncio.sleep(0.005)
    assert len(control.volumes) <= 3


@pytest.mark.real_time
async def test_a_mixer_that_fails_is_told_of_once(caplog):
    control = Control()
    control.fails = True
    mixer = AlsaMixer(control, "PCM")
    for percent in (1, 2, 3):
        mixer.set_volume(percent)
        await asyncio.sleep(0.05)
    assert caplog.text.count("does not work: No such device") == 1
    control.fails = False
    mixer.set_volume(4)
    await asyncio.sleep(0.05)
    assert control.volumes == [4]


@pytest.mark.real_time
async def test_a_closed_control_is_let_go_of_once_it_is_not_in_use_and_asked_no_more():
    control = Control("Playback Volume")
    mixer = AlsaMixer(control, "PCM")
    control.slow.clear()
    mixer.set_volume(10)
    await asyncio.sleep(0.05)
    mixer.set_volume(20)
    mixer.close()
    mixer.close()
    mixer.set_volume(30)
    await asyncio.sleep(0.05)
    assert control.closed == 0
    control.slow.set()
    await asyncio.get_running_loop().shutdown_default_executor()
    assert control.closed == 1
    assert control.volumes == [10]
