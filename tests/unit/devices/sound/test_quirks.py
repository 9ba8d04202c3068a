"""Which card is taken, and how it is treated."""

from dataclasses import replace
from pathlib import Path

import pytest

from voiced.devices.sound.alsa_pcm import native_format
from voiced.devices.sound.cards import Card, list_cards
from voiced.devices.sound.quirks import PLAIN, PROFILES, best_card, profile_of
from voiced.devices.sound.selection import choose
from voiced.devices.sound.streams import Stream, StreamFormat
from voiced.errors import DeviceError

MACHINES = Path(__file__).parent / "asound"
BOTH = Stream(0)


def card(index, usb_id=None, capture=BOTH, playback=BOTH, **more):
    captures, playbacks = ((side,) if side else () for side in (capture, playback))
    return Card(index, f"C{index}", f"card {index}", usb_id, captures, playbacks, **more)


def offering(encoding, rate_hz=48_000):
    return Stream(0, (StreamFormat(encoding, 1, (rate_hz,)),))


@pytest.mark.parametrize("usb_id", [*PROFILES, "2886:0018", "20b1:0016", "1415:2000", None])
def test_every_usb_id_has_a_profile(usb_id):
    profile = profile_of(usb_id)
    assert profile.name
    assert profile.capture_gain is None or 0 < profile.capture_gain <= 100
    assert (profile is PLAIN) == (usb_id in ("1415:2000", None))


def test_the_promised_devices_are_known():
    names = " ".join(profile.name for profile in PROFILES.values())
    for product in ("XVF3000", "XVF3800", "Lite", "XVF3610", "410", "510", "710", "PowerConf"):
        assert product in names


@pytest.mark.parametrize(
    ("cards", "best"),
    [
        ([card(0), card(1, "2886:001a")], 1),
        ([card(0, "2886:0019"), card(1, "2886:0018")], 1),
        ([card(0, "1234:5678", playback=None), card(1, "1234:abcd")], 1),
        ([card(0), card(1, "1234:abcd")], 1),
        ([card(0, capture=None), card(1)], 1),
        ([card(0), card(1)], 0),
        ([card(0, "1:1", offering("U8")), card(1, "2:2", offering("S32_LE"), None)], 1),
        ([card(0, "2886:001a", offering("DSD_U32_BE")), card(1, "2:2", offering("S24_3LE"))], 1),
        ([card(0, "1:1", offering("S16_LE", 8000)), card(1, "2:2", offering("S24_LE"), None)], 1),
        ([card(0, "1:1", offering("FLOAT_LE")), card(1, "2:2", offering("S16_LE"), None)], 1),
        ([card(0, driver="Loopback"), card(1, "2:2", playback=None)], 1),
    ],
)
def test_the_best_card_can_be_used_then_cancels_echo_then_does_both_then_is_on_usb(cards, best):
    assert best_card(cards, "capture").index == best


def test_where_no_card_has_that_side_there_is_no_best():
    assert best_card([card(0, capture=None)], "capture") is None
    assert best_card([card(0, driver="Loopback")], "capture") is None
    assert best_card([card(0, "1:1", offering("IEC958_SUBFRAME_LE"))], "capture") is None


@pytest.mark.parametrize(
    ("machine", "direction", "partner", "pcm"),
    [
        ("xvf3800", "capture", None, "hw:CARD=Array,DEV=0"),
        ("xvf3800", "playback", None, "hw:CARD=Array,DEV=0"),
        ("xvf3800", "playback", "2886:001a", "hw:CARD=Array,DEV=0"),
        ("xvf3800", "playback", "auto", "hw:CARD=Array,DEV=0"),
        ("xvf3800", "capture", "vc4hdmi0", "hw:CARD=Array,DEV=0"),
        ("studio", "playback", "auto", "hw:CARD=Studio,DEV=1"),
        ("xvf3800", "capture", "sysdefault", "default"),
        ("jabra", "capture", "USB_1", "hw:CARD=USB_1,DEV=0"),
    ],
)
def test_auto_takes_the_best_card_or_that_of_the_other_direction(machine, direction, partner, pcm):
    assert choose("auto", direction, partner, MACHINES / machine).name.pcm == pcm


def test_a_speaker_waits_for_the_microphones_card_and_does_not_settle_elsewhere():
    for partner in ("2886:001a", "auto"):
        with pytest.raises(DeviceError, match="connected"):
            choose("auto", "playback", partner, MACHINES / "hdmi")


def test_auto_without_a_microphone_says_so():
    with pytest.raises(DeviceError, match="auto: no card with a microphone is connected"):
        choose("auto", "capture", None, MACHINES / "hdmi")


def test_where_the_kernel_knows_no_sound_auto_is_what_alsa_is_set_up_with(tmp_path):
    assert choose("auto", "capture", None, tmp_path).name.pcm == "default"


def test_a_chosen_card_brings_its_profile():
    assert choose("2886:001a", "capture", None, MACHINES / "xvf3800").profile.reboots
    assert choose("default", "capture", None, MACHINES / "xvf3800").profile is PLAIN


def test_a_speakerphone_is_played_at_the_one_rate_it_plays_right():
    formats = (StreamFormat("S16_LE", 2, (8000, 16000, 48000)),)
    assert native_format(formats, "playback", 0, 48_000).rate_hz == 48_000
    assert native_format((StreamFormat("S16_LE", 2, (16000,)),), "playback", 0, 48_000).rate_hz == (
        48_000
    )


def test_cards_tell_where_they_are_on_usb(tmp_path):
    folder = tmp_path / "card3"
    folder.mkdir()
    (folder / "usbbus").write_text("001/004\n")
    assert list_cards(tmp_path)[0].usb_bus == "001/004"
    assert replace(list_cards(tmp_path)[0], usb_bus="").usb_bus == ""


def test_the_speaker_of_the_microphones_own_card_is_taken_before_a_better_known_one(tmp_path):
    (tmp_path / "cards").write_text(
        " 0 [Mic            ]: USB-Audio - Mic\n 1 [Jabra          ]: USB-Audio - Jabra\n"
    )
    for number, name, usb_id, sides in (
        (0, "Mic", "1234:abcd", "cp"),
        (1, "Jabra", "0b0e:0420", "p"),
    ):
        folder = tmp_path / f"card{number}"
        for side in sides:
            (folder / f"pcm0{side}").mkdir(parents=True)
        (folder / "id").write_text(name)
        (folder / "usbid").write_text(usb_id)
    assert choose("auto", "playback", "auto", tmp_path).name.pcm == "hw:CARD=Mic,DEV=0"
    assert choose("auto", "playback", None, tmp_path).name.pcm == "hw:CARD=Jabra,DEV=0"
