"""What /proc/asound says about the cards of hardware we know, and how a card is named."""

from pathlib import Path

import pytest

from voiced.devices.cards import Card, Stream, StreamFormat, list_cards, resolve
from voiced.errors import DeviceError

MACHINES = Path(__file__).parent / "asound"


def test_an_array_is_listed_with_its_usb_id_and_native_formats():
    native = StreamFormat("S16_LE", 2, (16000,))
    assert list_cards(MACHINES / "xvf3800") == [
        Card(0, "vc4hdmi0", "vc4-hdmi-0", None, None, Stream(0)),
        Card(
            index=1,
            id="Array",
            name="reSpeaker XVF3800 4-Mic Array",
            usb_id="2886:001a",
            capture=Stream(0, (native,)),
            playback=Stream(0, (native,)),
        ),
    ]


def test_each_direction_keeps_its_own_formats():
    array = list_cards(MACHINES / "arrayuac10")[1]
    assert array.capture == Stream(0, (StreamFormat("S16_LE", 6, (16000,)),))
    assert array.playback == Stream(0, (StreamFormat("S16_LE", 2, (16000,)),))


def test_several_altsets_and_continuous_rates_are_understood():
    studio = list_cards(MACHINES / "studio")[0]
    assert studio.capture == Stream(
        1,
        (
            StreamFormat("S32_LE", 4, (48000,)),
            StreamFormat("S16_LE", 4, (44100, 48000)),
            StreamFormat("S16_LE", 2, (44100, 48000)),
        ),
    )
    assert studio.playback is not None
    assert studio.playback.formats[1].rates_hz == (8000, 16000, 24000, 32000, 44100, 48000)


def test_a_machine_without_sound_has_no_cards(tmp_path):
    assert list_cards(tmp_path / "asound") == []
    assert list_cards(tmp_path) == []


@pytest.mark.parametrize(
    ("machine", "device", "direction", "pcm", "channels"),
    [
        ("xvf3800", "2886:001a", "capture", "hw:CARD=Array,DEV=0", 2),
        ("xvf3800", "2886:001A", "playback", "hw:CARD=Array,DEV=0", 2),
        ("arrayuac10", "ArrayUAC10", "capture", "hw:CARD=ArrayUAC10,DEV=0", 6),
        ("arrayuac10", "plughw:CARD=ArrayUAC10,DEV=0", "capture", None, 6),
        ("arrayuac10", "plughw:ArrayUAC10", "capture", None, 6),
        ("arrayuac10", "hw:1,0", "capture", None, 6),
        ("arrayuac10", "sysdefault:CARD=ArrayUAC10", "playback", None, 2),
        ("studio", "1234:abcd", "capture", "hw:CARD=Studio,DEV=1", 4),
        ("jabra", "0b0e:0420", "capture", "hw:CARD=USB,DEV=0", 1),
        ("jabra", "USB_1", "capture", "hw:CARD=USB_1,DEV=0", 1),
    ],
)
def test_a_card_goes_by_usb_id_card_id_or_pcm_name(machine, device, direction, pcm, channels):
    name = resolve(device, direction, MACHINES / machine)
    assert name.pcm == (pcm or device)
    assert name.formats[0].channels == channels


@pytest.mark.parametrize("device", ["default", "vmic", "pulse", "dsnoop"])
def test_any_other_name_is_left_to_alsa(device):
    name = resolve(device, "capture", MACHINES / "xvf3800")
    assert (name.pcm, name.formats) == (device, ())


@pytest.mark.parametrize(
    "device", ["2886:0018", "hw:CARD=ArrayUAC10,DEV=0", "plughw:ArrayUAC10", "hw:7,0"]
)
def test_a_card_that_is_not_connected_is_refused_by_name_without_asking_alsa(device):
    with pytest.raises(DeviceError, match="is connected") as caught:
        resolve(device, "capture", MACHINES / "xvf3800")
    assert caught.value.device == device
    assert caught.value.hint == "present: not USB (vc4hdmi0), 2886:001a (Array)"


def test_a_machine_without_any_card_says_so(tmp_path):
    with pytest.raises(DeviceError, match="no sound card is present at all"):
        resolve("2886:001a", "capture", tmp_path)


def test_a_card_without_the_side_that_is_wanted_is_refused():
    with pytest.raises(DeviceError, match="the card has no microphone side"):
        resolve("vc4hdmi0", "capture", MACHINES / "hdmi")
    assert resolve("vc4hdmi0", "playback", MACHINES / "hdmi").pcm == "hw:CARD=vc4hdmi0,DEV=0"
