"""Opening a PCM: what is asked for, and what is not accepted."""

import asyncio
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.devices.fake_alsa import fake_alsa
from voiced.core.pcm import PcmFormat
from voiced.devices.sound.alsa_capture import AlsaMicrophone
from voiced.devices.sound.alsa_playback import AlsaSpeaker
from voiced.devices.sound.recovery import CardRecovery
from voiced.errors import DeviceError, SoundFault

pytestmark = pytest.mark.real_time

MACHINES = Path(__file__).parents[1] / "unit" / "devices" / "sound" / "asound"


def care_on(machine):
    return CardRecovery(
        MACHINES / machine,
        chip=lambda node: SimpleNamespace(version=lambda: (2, 0, 10)),
        off_hook=lambda usb_id: True,
        capture_gain=lambda device, percent: 1,
    )


async def asked_for(make, device, machine="hdmi", **options):
    alsa = fake_alsa()
    async with make(device, alsa=alsa, recovery=care_on(machine), **options).open() as opened:
        asked = alsa.opened.asked
        assert opened.format == PcmFormat(asked["rate"], 1)
    assert alsa.opened.closed
    return asked["device"], asked["rate"], asked["channels"]


@pytest.mark.parametrize(
    ("machine", "device", "expected"),
    [
        ("xvf3800", "2886:001a", ("hw:CARD=Array,DEV=0", 16000, 2)),
        ("arrayuac10", "2886:0018", ("hw:CARD=ArrayUAC10,DEV=0", 16000, 6)),
        ("jabra", "USB_1", ("hw:CARD=USB_1,DEV=0", 16000, 1)),
        ("studio", "Studio", ("hw:CARD=Studio,DEV=1", 48000, 2)),
        ("hdmi", "default", ("default", 16000, 2)),
    ],
)
async def test_capture_asks_for_what_the_card_natively_offers(machine, device, expected):
    assert await asked_for(AlsaMicrophone, device, machine) == expected


@pytest.mark.parametrize(
    ("machine", "device", "expected"),
    [
        ("xvf3800", "2886:001a", ("hw:CARD=Array,DEV=0", 16000, 2)),
        ("jabra", "0b0e:0420", ("hw:CARD=USB,DEV=0", 48000, 2)),
        ("hdmi", "vc4hdmi0", ("hw:CARD=vc4hdmi0,DEV=0", 48000, 2)),
        ("hdmi", "default", ("default", 48000, 2)),
    ],
)
async def test_playback_asks_for_48_khz_where_it_is_offered(machine, device, expected):
    assert await asked_for(AlsaSpeaker, device, machine) == expected


async def test_a_higher_channel_asks_for_enough_channels():
    assert await asked_for(AlsaMicrophone, "Studio", "studio", channel=3) == (
        "hw:CARD=Studio,DEV=1",
        48000,
        4,
    )
    assert await asked_for(AlsaMicrophone, "default", channel=3) == ("default", 16000, 4)


async def test_what_the_device_settles_on_counts_not_what_was_asked():
    def settle(pcm):
        pcm.parameters |= {"rate": 44100, "channels": 2, "period_size": 1024, "buffer_size": 8192}

    microphone = AlsaMicrophone("default", alsa=fake_alsa(settle))
    async with microphone.open() as capture:
        assert capture.format == PcmFormat(44100)


@pytest.mark.parametrize(
    ("settled", "problem"),
    [
        ({"format_name": "FLOAT_LE"}, "it offers sound as FLOAT_LE, which cannot be used"),
        ({"channels": 2}, "it has 2 channels, so there is no channel 2"),
        ({"period_size": 4000, "buffer_size": 4000}, "its buffer is shorter than two periods"),
    ],
)
async def test_silently_changed_parameters_we_cannot_use_are_refused(settled, problem):
    alsa = fake_alsa(lambda pcm: pcm.parameters.update(settled))
    with pytest.raises(DeviceError, match=problem) as caught:
        async with AlsaMicrophone("default", channel=2, alsa=alsa).open():
            pass
    assert caught.value.hint
    assert alsa.opened.closed


@pytest.mark.parametrize(
    ("reason", "problem"),
    [
        ("Device or resource busy", "another program is using it; stop that program first"),
        ("Permission denied", "not allowed to open it; add the user to the group audio"),
        ("No such file or directory", "no such sound device"),
        ("Invalid argument", "it does not open"),
    ],
)
async def test_a_refusal_is_put_into_words(reason, problem):
    for make in (AlsaMicrophone, AlsaSpeaker):
        with pytest.raises(DeviceError, match=problem) as caught:
            async with make("default", alsa=fake_alsa(refuse=reason)).open():
                pass
        assert caught.value.device == "default"
        busy = reason == "Device or resource busy"
        assert (caught.value.fault is SoundFault.BUSY) is busy


async def test_a_card_that_is_not_connected_is_never_opened():
    def open_pcm(pcm):
        raise AssertionError("opened")

    for make in (AlsaMicrophone, AlsaSpeaker):
        alsa = fake_alsa(open_pcm)
        with pytest.raises(DeviceError, match="2886:001a: no sound card 2886:001a is connected"):
            async with make("2886:001a", alsa=alsa, recovery=care_on("hdmi")).open():
                pass


async def test_a_box_without_pyalsaaudio_is_told_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "alsaaudio", None)
    for make in (AlsaMicrophone, AlsaSpeaker):
        with pytest.raises(DeviceError, match="pyalsaaudio is missing; install pyalsaaudio"):
            async with make("default").open():
                pass


async def test_of_a_six_channel_array_the_processed_channel_is_taken_and_nothing_is_mixed():
    alsa, periods = fake_alsa(), []
    microphone = AlsaMicrophone("auto", alsa=alsa, recovery=care_on("arrayuac10"))
    async with microphone.open() as capture, asyncio.TaskGroup() as group:
        running = group.create_task(capture.run(periods.append))
        while len(periods) < 3:
            await asyncio.sleep(0.01)
        running.cancel()
    assert alsa.opened.parameters["channels"] == 6
    assert [int.from_bytes(period[:2], "little") for period in periods[:3]] == [1, 2, 3]
    assert all(period == period[:2] * (len(period) // 2) for period in periods)
