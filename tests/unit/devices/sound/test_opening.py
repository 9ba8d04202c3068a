"""What is opened when the best card, or its first name, cannot be used; and what is recommended then."""

from types import SimpleNamespace

import pytest

from voiced.cli.devices import Trial, describe
from voiced.devices.sound.alsa_pcm import UnfitError, Wanted
from voiced.devices.sound.cards import list_cards
from voiced.devices.sound.encodings import ENCODINGS
from voiced.devices.sound.opening import Tried, open_wanted, try_cards
from voiced.errors import DeviceError, SoundFault


class AlsaError(Exception):
    pass


class Alsa:
    """A library whose PCMs come out as they are said to: an encoding, or a reason to refuse."""

    ALSAAudioError = AlsaError
    PCM_CAPTURE, PCM_PLAYBACK, PCM_NORMAL, PCM_NONBLOCK = 1, 0, 0, 1

    def __init__(self, outcomes, channels=2):
        self.outcomes = outcomes
        self.channels = channels
        self.opened, self.n_open = [], 0
        for name in ENCODINGS:
            setattr(self, f"PCM_FORMAT_{name}", name)

    def PCM(self, **asked):  # noqa: N802 - as alsaaudio names it
        self.opened.append(asked["device"])
        outcome = self.outcomes.get(asked["device"], "No such device")
        if " " in outcome:
            raise AlsaError(f"{outcome} [{asked['device']}]")
        offered = outcome.split("|")
        info = {
            "format_name": asked["format"] if asked["format"] in offered else offered[0],
            "rate": asked["rate"],
            "channels": self.channels,
            "period_size": asked["periodsize"],
            "buffer_size": asked["periodsize"] * 8,
        }
        self.n_open += 1
        return SimpleNamespace(info=lambda: info, close=self._close, drop=lambda: None)

    def _close(self):
        self.n_open -= 1


def machine(folder, *cards):
    """Describe cards: id, driver, USB id, and which sides each has."""
    lines = []
    for index, (name, driver, usb_id, sides) in enumerate(cards):
        for side in sides:
            (folder / f"card{index}" / f"pcm0{side}").mkdir(parents=True)
        (folder / f"card{index}" / "id").write_text(name)
        if usb_id:
            (folder / f"card{index}" / "usbid").write_text(usb_id)
        lines.append(f" {index} [{name:15}]: {driver} - {name}\n")
    (folder / "cards").write_text("".join(lines))
    return folder


HDMI = ("vc4hdmi0", "vc4-hdmi", None, "p")
JACK = ("Headphones", "bcm2835_headpho", None, "p")
HAT = ("sndrpihat", "snd_rpi_hat", None, "cp")
BITSTREAM = "IEC958_SUBFRAME_LE"


def wanted(device, direction="playback", channel=None):
    return Wanted(device, direction, 20, 8, channel)


@pytest.mark.parametrize(
    ("outcomes", "opened"),
    [
        ({"hw:CARD=vc4hdmi0,DEV=0": "S16_LE"}, "hw:CARD=vc4hdmi0,DEV=0"),
        (
            {"hw:CARD=vc4hdmi0,DEV=0": BITSTREAM, "sysdefault:CARD=vc4hdmi0": "S16_LE"},
            "sysdefault:CARD=vc4hdmi0",
        ),
        (
            {"hw:CARD=vc4hdmi0,DEV=0": BITSTREAM, "hdmi:CARD=vc4hdmi0,DEV=0": "S32_LE"},
            "hdmi:CARD=vc4hdmi0,DEV=0",
        ),
        (
            {
                "hw:CARD=vc4hdmi0,DEV=0": "Unknown error 524",
                "sysdefault:CARD=vc4hdmi0": "Unknown error 524",
                "hw:CARD=Headphones,DEV=0": "S16_LE",
            },
            "hw:CARD=Headphones,DEV=0",
        ),
    ],
)
def test_hdmi_plays_by_the_systems_own_definition_and_without_a_screen_another_card_does(
    outcomes, opened, tmp_path
):
    alsa = Alsa(outcomes)
    found = open_wanted(alsa, wanted("auto"), machine(tmp_path, HDMI, JACK))
    assert (found.choice.name.pcm, alsa.n_open) == (opened, 1)
    card = opened.partition("CARD=")[2].partition(",")[0]
    assert found.choice.name.card.id == card


@pytest.mark.parametrize(
    ("refusal", "fault"),
    [("Device or resource busy", SoundFault.BUSY), ("Input/output error", SoundFault.ABSENT)],
)
def test_a_card_that_is_in_use_or_fails_is_waited_for_and_no_other_is_taken(
    refusal, fault, tmp_path
):
    asound = machine(tmp_path, HDMI, JACK)
    alsa = Alsa({"hw:CARD=vc4hdmi0,DEV=0": refusal, "hw:CARD=Headphones,DEV=0": "S16_LE"})
    with pytest.raises(DeviceError) as caught:
        open_wanted(alsa, wanted("auto"), asound)
    assert (caught.value.fault, alsa.n_open) == (fault, 0)
    alsa.outcomes = {"hw:CARD=vc4hdmi0,DEV=0": BITSTREAM, "sysdefault:CARD=vc4hdmi0": refusal}
    with pytest.raises(DeviceError):
        open_wanted(alsa, wanted("vc4hdmi0"), asound)
    assert alsa.n_open == 0


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_hat_says_what_it_offers_when_it_is_opened(encoding, tmp_path):
    alsa = Alsa({"hw:CARD=sndrpihat,DEV=0": f"U32_BE|{encoding}"})
    found = open_wanted(alsa, wanted("sndrpihat", "capture"), machine(tmp_path, HAT))
    assert found.encoding is ENCODINGS[encoding]
    assert alsa.n_open == 1


def test_a_channel_that_is_missing_is_not_made_up_by_conversion(tmp_path):
    alsa = Alsa({"hw:CARD=sndrpihat,DEV=0": "S32_LE", "plughw:CARD=sndrpihat,DEV=0": "S16_LE"})
    with pytest.raises(UnfitError, match="so there is no channel 3"):
        open_wanted(alsa, wanted("sndrpihat", "capture", 3), machine(tmp_path, HAT))
    assert alsa.opened == ["hw:CARD=sndrpihat,DEV=0"]
    assert alsa.n_open == 0


def test_what_is_recommended_can_be_opened_and_the_rest_is_told(tmp_path):
    asound = machine(tmp_path, HAT, ("Mic", "USB-Audio", "0d8c:013c", "c"), HDMI)
    alsa = Alsa(
        {
            "hw:CARD=sndrpihat,DEV=0": "Invalid argument",
            "hw:CARD=Mic,DEV=0": "S16_LE",
            "hw:CARD=vc4hdmi0,DEV=0": "Device or resource busy",
        }
    )
    listens = try_cards(alsa, "capture", None, asound)
    speaks = try_cards(alsa, "playback", listens.card, asound)
    advice = describe(list_cards(asound), Trial(listens, speaks))
    assert 'capture:  {device: "0d8c:013c", channel: 0}' in advice
    assert 'playback: {device: "vc4hdmi0"}  # in use now, so it was not tried' in advice
    assert "sndrpihat as microphone: it does not open (Invalid argument)" in advice
    assert alsa.n_open == 0


def test_a_machine_whose_microphones_cannot_be_used_is_told_so(tmp_path):
    asound = machine(tmp_path, HAT)
    alsa = Alsa({})
    listens = try_cards(alsa, "capture", None, asound)
    advice = describe(list_cards(asound), Trial(listens, Tried()))
    assert "None of these cards has a microphone that can be used." in advice
    assert "capture:" not in advice


@pytest.mark.parametrize("device", ["auto", "Loopback"])
def test_a_cable_to_another_program_is_taken_only_by_name(device, tmp_path):
    asound = machine(tmp_path, ("Loopback", "Loopback", None, "cp"))
    alsa = Alsa({"hw:CARD=Loopback,DEV=0": "S16_LE"})
    if device == "auto":
        with pytest.raises(DeviceError, match="Loopback must be chosen by name"):
            open_wanted(alsa, wanted(device, "capture"), asound)
        assert try_cards(alsa, "capture", None, asound) == Tried()
    else:
        assert open_wanted(alsa, wanted(device, "capture"), asound)
