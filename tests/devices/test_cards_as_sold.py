"""Cards as they are sold, by every name they have: what is opened, at which format, and which channel is heard.

alsa-lib opens them for real. Formats are those that /proc/asound shows of the products; see the vendors' documents and the
reports in alsa-ucm-conf, alsa-lib and the arrays' own repositories.
"""

from array import array
from dataclasses import replace

import pytest

from tests.devices.fabricated import Side, Sold, build_plugin, describe, played_by
from voiced.devices.sound.alsa_capture import AlsaCapture
from voiced.devices.sound.alsa_pcm import Wanted, alsa_library
from voiced.devices.sound.cards import list_cards, settings_name
from voiced.devices.sound.channels import to_all_channels
from voiced.devices.sound.encodings import ENCODINGS
from voiced.devices.sound.opening import open_wanted, try_cards
from voiced.errors import DeviceError

DIRECTIONS = ("capture", "playback")


def usb(name, usb_id, hears=None, speaks=None, **more):
    """A card on USB; a side is what it offers, or that and how it is opened."""
    return Sold(name, usb_id, _side(hears), _side(speaks), **more)


def board(name, driver, hears=None, speaks=None):
    """A card of the board or on it."""
    return Sold(name, None, _side(hears), _side(speaks), driver)


def _side(text):
    return text if text is None or isinstance(text, Side) else Side(text)


ONE = "S16_LE 1 16000"
TWO = "S16_LE 2 16000"
MUSIC = Side("S16_LE 2 44100/48000", "S16_LE 2 48000")
MICROPHONE = Side("S16_LE 1 44100/48000", "S16_LE 1 48000")
SAYS_LATER = "S16_LE 2 16000"  # what ALSA converts a card to of which only opening tells more
HDMI = board(
    "vc4hdmi0", "vc4-hdmi", None, Side("IEC958_SUBFRAME_LE 2 44100/48000", "S16_LE 2 48000")
)
HDMI_1 = replace(HDMI, id="vc4hdmi1")
JACK = board("Headphones", "bcm2835_headpho", None, Side("S16_LE 2 44100/48000", "S16_LE 2 48000"))
LOOPBACK = board("Loopback", "Loopback", Side("S16_LE,S32_LE 2 16000/48000", TWO), MUSIC)
CMEDIA = usb("Device", "0d8c:0014", MICROPHONE)
YETI = usb("Microphone", "b58e:9e84", MUSIC, MUSIC)
JABRA_OUT = Side("S16_LE 2 8000/16000/48000", "S16_LE 2 48000")

# What is sold, the cards that `auto` takes (None: an error), and the machine's cards in the kernel's order.
TREES = {
    "XVF3800": ("Array", "Array", [HDMI, usb("Array", "2886:001a", TWO, TWO)]),
    "XVF3800, six channels": ("Array", "Array", [JACK, usb("Array", "2886:001a", "S16_LE 6 16000", TWO)]),
    "XVF3800, 48 kHz": ("Array", "Array", [usb("Array", "2886:001a", "S16_LE 2 48000", "S16_LE 2 48000")]),
    "XVF3000": ("ArrayUAC10", "ArrayUAC10", [HDMI, usb("ArrayUAC10", "2886:0018", "S16_LE 6 16000", TWO)]),
    "XVF3000, one channel": ("ArrayUAC10", "ArrayUAC10", [usb("ArrayUAC10", "2886:0018", ONE, TWO)]),
    "ReSpeaker Lite": ("Lite", "Lite", [usb("Lite", "2886:0019", TWO, TWO), CMEDIA]),
    "XVF3610": ("XVF3610", "XVF3610", [CMEDIA, usb("XVF3610", "20b1:0016", "S24_3LE 2 48000", "S24_3LE 2 48000")]),
    "XVF3510, 32 bits": ("XVF3510", "XVF3510", [usb("XVF3510", "20b1:0014", "S32_LE 2 16000", "S32_LE 2 16000")]),
    "Jabra 410": ("USB", "USB", [usb("USB", "0b0e:0412", ONE, JABRA_OUT), YETI]),
    "Jabra 510": ("USB", "USB", [HDMI, JACK, usb("USB", "0b0e:0420", ONE, JABRA_OUT)]),
    "Jabra 710": ("SPEAK", "SPEAK", [YETI, usb("SPEAK", "0b0e:2475", ONE, JABRA_OUT)]),
    "two Jabras": ("USB", "USB", [usb("USB", "0b0e:0420", ONE, JABRA_OUT), usb("USB_1", "0b0e:0420", ONE, JABRA_OUT)]),
    "PowerConf": ("PowerConf", "PowerConf", [CMEDIA, usb("PowerConf", "291a:3301", ONE, "S16_LE 2 48000")]),
    "eMeet M0": ("M0", "M0", [usb("M0", "328f:006d", ONE, "S16_LE 2 48000")]),
    "Sennheiser SP 20": ("SP20", "SP20", [HDMI, usb("SP20", "1395:0056", ONE, MUSIC)]),
    "PlayStation Eye": ("CameraB409241", "Headphones", [JACK, usb("CameraB409241", "1415:2000", "S16_LE 4 16000")]),
    "Kinect": ("Audio", "vc4hdmi0", [HDMI, usb("Audio", "045e:02bb", "S24_3LE 4 16000")]),
    "Kinect v2": ("Sensor", "vc4hdmi0", [HDMI, usb("Sensor", "045e:02c4", "S32_LE 4 16000")]),
    "UMA-8": ("micArray", "micArray", [usb("micArray", "2752:001c", Side("S24_3LE 8 16000/44100/48000", "S24_3LE 8 16000"), "S24_3LE 2 48000")]),
    "UMA-16": ("micArray16", "vc4hdmi0", [HDMI, usb("micArray16", "2752:0016", Side("S32_LE 16 44100/48000", "S32_LE 16 48000"))]),
    "MATRIX": ("Eight", None, [usb("Eight", "1d50:0008", "S32_LE 8 48000")]),
    "webcam C920": ("C920", "Headphones", [JACK, usb("C920", "046d:082d", Side("S16_LE 2 16000/24000/32000/48000", TWO))]),
    "webcam Brio and HDMI": ("BRIO", "vc4hdmi0", [HDMI, HDMI_1, usb("BRIO", "046d:085e", Side("S16_LE 2 16000/48000", TWO))]),
    "old webcam and a microphone": ("Mini", None, [usb("U0x46d0x8ad", "046d:08ad", "U8 1 8000"), usb("Mini", "19f7:0015", "S24_3LE 2 48000")]),
    "old webcam alone": ("U0x46d0x8ad", "Headphones", [JACK, usb("U0x46d0x8ad", "046d:08ad", "U8 1 16000")]),
    "Yeti": ("Microphone", "Microphone", [HDMI, YETI]),
    "SSL 2": ("S2", "S2", [usb("S2", "31e9:0001", Side("S32_LE 4 44100/48000/96000", "S32_LE 4 48000"), Side("S32_LE 2 44100/48000", "S32_LE 2 48000"))]),
    "Scarlett": ("Gen", "Gen", [JACK, usb("Gen", "1235:8211", Side("S24_3LE,S32_LE 2 44100/48000", "S24_3LE 2 48000"), Side("S24_3LE,S32_LE 2 44100/48000", "S24_3LE 2 48000"))]),
    "UMC22": ("CODEC", "CODEC", [usb("CODEC", "08bb:2902", Side("U8,S8,S16_LE 2 8000/16000/44100/48000", TWO), Side("U8,S8,S16_LE 2 32000/44100/48000", "S16_LE 2 48000"))]),
    "8 and 16 bits": ("Solo", None, [usb("Solo", "0763:0001", Side("U8 2 44100;S16_LE 2 44100", "S16_LE 2 44100"))]),
    "24 bits in 32": ("HS80", "HS80", [usb("HS80", "1b1c:0a6b", "S24_LE 1 48000", "S24_LE 2 48000")]),
    "floating point": ("Float", "vc4hdmi0", [HDMI, usb("Float", "1234:0001", Side("FLOAT_LE 2 48000", "S16_LE 2 48000"))]),
    "DAC with DSD and a microphone": ("Device", "DAC", [usb("DAC", "152a:8750", None, Side("DSD_U32_BE 2 44100/48000;S32_LE 2 44100/48000", "S32_LE 2 48000")), CMEDIA]),
    "motherboard, two outputs": ("Audio", "Audio", [usb("Audio", "0db0:0076", MUSIC, Side("S16_LE 2 44100/48000;S24_3LE 2 44100/48000", "S16_LE 2 48000"), more={1: (None, Side("S24_3LE 2 48000"))})]),
    "headset with chat and game": ("A7", "A7", [usb("A7", "1038:12ad", ONE, ONE, more={1: (None, Side("S16_LE 2 48000"))})]),
    "two equal microphones": ("Device", "Headphones", [JACK, CMEDIA, replace(CMEDIA, id="Device_1")]),
    "2-mic HAT": ("seeed2micvoicec", "seeed2micvoicec", [HDMI, board("seeed2micvoicec", "seeed-2mic-voic", Side("S16_LE,S24_LE,S32_LE 2 16000/48000", TWO, SAYS_LATER), Side("S16_LE,S24_LE,S32_LE 2 16000/48000", "S16_LE 2 48000"))]),
    "voice HAT": ("sndrpigooglevoi", "sndrpigooglevoi", [board("sndrpigooglevoi", "RPi-simple", Side("S32_LE 2 48000", "", SAYS_LATER), Side("S32_LE 2 48000"))]),
    "I2S microphone and HDMI": ("sndrpii2scard", "vc4hdmi0", [HDMI, board("sndrpii2scard", "RPi-i2s", Side("S32_LE 2 16000/48000", "S32_LE 2 16000", SAYS_LATER))]),
    "DAC HAT and a microphone": ("Device", "sndrpihifiberry", [board("sndrpihifiberry", "RPi-simple", None, Side("S16_LE,S24_LE,S32_LE 2 44100/48000", "S16_LE 2 48000")), CMEDIA]),
    "8-bit HAT": ("odd", "odd", [board("odd", "odd", Side("S8 1 16000", "", SAYS_LATER), Side("S8 1 48000", "", "S16_LE 2 48000"))]),
    "loopback before all": ("Device", "Headphones", [LOOPBACK, JACK, CMEDIA]),
    "loopback alone": (None, None, [LOOPBACK]),
    "HDMI alone": (None, "vc4hdmi0", [HDMI]),
}  # fmt: skip


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    return build_plugin(tmp_path_factory.mktemp("plugin"))


@pytest.fixture
def plug_in(library, tmp_path, monkeypatch):
    def plug_in(cards):
        asound, conf = describe(tmp_path, cards, library)
        monkeypatch.setenv("ALSA_CONFIG_PATH", str(conf))
        return asound

    return plug_in


def opened_as(opened):
    return f"{opened.encoding.name} {opened.format.channels} {opened.format.rate_hz}"


def open_side(asound, direction, device, channel=None, partner=None):
    wanted = Wanted(device, direction, 20, 8, channel, partner)
    return open_wanted(alsa_library(), wanted, asound)


def check_sound(opened, direction, channel, card, folder, device=0):
    """Move a period: the channel wanted is heard and no other, and what is played arrives on all of them."""
    if direction == "capture":
        n_frames, raw = opened.pcm.read()
        heard = array("h", AlsaCapture(opened)._heard(raw)).tolist()
        value = 1000 * (channel + 1)
        offers = card.hears.offers if device == 0 else card.more[device][0].offers
        is_narrow = {offer.split()[0] for offer in offers.split(";")} <= {"U8", "S8"}
        # Where ALSA resamples, its filter begins with silence.
        begins = n_frames // 2 if opened.choice.name.converts else 0
        expected = value >> 8 << 8 if is_narrow else value
        assert heard[begins:] == [expected] * (n_frames - begins)
        return
    mono = array("h", range(-480, 480)).tobytes()
    opened.pcm.write(to_all_channels(mono, opened.format.channels, opened.encoding))
    opened.close()
    offered = (card.speaks if device == 0 else card.more[device][1]).offers.split()[0]
    encoding = ENCODINGS.get(offered.partition(",")[0])
    played = played_by(folder, card, device).read_bytes()
    assert played
    if opened.choice.name.pcm.startswith("hw:") and encoding is opened.encoding:
        for output in range(opened.format.channels):
            taken = encoding.take(played, output, opened.format.channels)
            assert mono.startswith(taken) or encoding.low is None


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("tree", TREES)
def test_auto_takes_the_best_card_that_can_be_used_and_it_is_recommended(
    tree, direction, plug_in, tmp_path
):
    *best, cards = TREES[tree]
    asound = plug_in(cards)
    expected = best[DIRECTIONS.index(direction)]
    by_id = {card.id: card for card in list_cards(asound)}
    listens = by_id.get(best[0])
    tried = try_cards(alsa_library(), direction, listens, asound)
    assert (tried.card and tried.card.id) == expected
    partner = "auto" if best[0] else None
    if expected is None:
        with pytest.raises(DeviceError, match="is connected"):
            open_side(asound, direction, "auto", partner=partner)
        return
    opened = open_side(asound, direction, "auto", partner=partner)
    sold = next(card for card in cards if card.id == expected)
    assert opened.choice.name.card.id == expected
    assert opened_as(opened) == sold.side(direction).native
    check_sound(opened, direction, 0, sold, tmp_path)
    opened.close()


@pytest.mark.parametrize("kind", ["settings", "hw", "plughw"])
@pytest.mark.parametrize("tree", TREES)
def test_every_card_opens_by_each_of_its_names_at_its_own_format(tree, kind, plug_in, tmp_path):
    cards = TREES[tree][-1]
    asound = plug_in(cards)
    present = list_cards(asound)
    for sold, found in zip(cards, present, strict=True):
        name = settings_name(found, present) if kind == "settings" else f"{kind}:CARD={found.id}"
        for direction in DIRECTIONS:
            side = sold.side(direction)
            if side is None:
                with pytest.raises(DeviceError, match=r"the card has no \w+ side"):
                    open_side(asound, direction, name)
                continue
            expected = side.converted if kind == "plughw" else side.native
            last = int(expected.split()[1]) - 1
            if kind == "plughw" and not sold.usb_id:
                last = 0  # ALSA makes up the channels that it is asked for
            for channel in {0, last if direction == "capture" else 0}:
                opened = open_side(asound, direction, name, channel)
                assert opened_as(opened) == expected
                assert opened.choice.name.card == found
                check_sound(opened, direction, channel, sold, tmp_path)
                opened.close()


@pytest.mark.parametrize("tree", ["motherboard, two outputs", "headset with chat and game"])
@pytest.mark.parametrize("kind", ["hw", "plughw"])
def test_a_second_device_is_opened_at_its_own_format(tree, kind, plug_in, tmp_path):
    (sold,) = TREES[tree][-1]
    asound = plug_in([sold])
    side = sold.more[1][1]
    opened = open_side(asound, "playback", f"{kind}:CARD={sold.id},DEV=1")
    assert opened_as(opened) == (side.native if kind == "hw" else side.converted)
    check_sound(opened, "playback", 0, sold, tmp_path, device=1)
    opened.close()


def test_there_are_as_many_as_promised():
    assert len(TREES) >= 40
