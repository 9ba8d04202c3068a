"""What /proc/asound says about the cards of hardware we know, and how a card is named."""

import re
from pathlib import Path

import pytest

from voiced.config.types import SOUND_DEVICE
from voiced.devices.sound.cards import Card, list_cards, settings_name
from voiced.devices.sound.selection import choose, resolve
from voiced.devices.sound.streams import Stream, StreamFormat
from voiced.errors import DeviceError

MACHINES = Path(__file__).parent / "asound"


def test_an_array_is_listed_with_its_usb_id_and_native_formats():
    native = StreamFormat("S16_LE", 2, (16000,))
    assert list_cards(MACHINES / "xvf3800") == [
        Card(0, "vc4hdmi0", "vc4-hdmi-0", None, playbacks=(Stream(0),), driver="vc4-hdmi"),
        Card(
            index=1,
            id="Array",
            name="reSpeaker XVF3800 4-Mic Array",
            usb_id="2886:001a",
            captures=(Stream(0, (native,)),),
            playbacks=(Stream(0, (native,)),),
            driver="USB-Audio",
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


@pytest.mark.parametrize("device", ["default", "vmic", "dmix_48000.front-left"])
def test_any_other_name_is_left_to_alsa_if_its_files_define_it(device):
    name = resolve(
        device, "capture", MACHINES / "xvf3800", {"vmic", "dmix_48000.front-left"}.__contains__
    )
    assert (name.pcm, name.formats) == (device, ())


@pytest.mark.parametrize("device", ["vmic", "Array_2", "a.b"])
def test_a_name_that_nothing_has_is_not_given_to_alsa(device):
    with pytest.raises(DeviceError, match="no sound card and no PCM"):
        resolve(device, "capture", MACHINES / "xvf3800", lambda _: False)


@pytest.mark.parametrize(
    "device",
    [
        "2886:0018",
        "2886:001a:0123",
        "2886:001a@1-9",
        "hw:CARD=ArrayUAC10,DEV=0",
        "plughw:ArrayUAC10",
        "hw:7,0",
    ],
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


def test_each_device_of_a_card_is_described_by_its_own_stream(tmp_path):
    for device, channels in ((0, 1), (1, 2)):
        (tmp_path / "card0" / f"pcm{device}p").mkdir(parents=True)
        (tmp_path / "card0" / f"stream{device}").write_text(
            f"Playback:\n Format: S16_LE\n Channels: {channels}\n Rates: 48000\n"
        )
    (tmp_path / "card0" / "pcm0c").mkdir()
    (tmp_path / "card0" / "id").write_text("A7")
    for name, channels in (("hw:CARD=A7,DEV=1", 2), ("plughw:A7,1", 2), ("hw:A7", 1), ("A7", 1)):
        assert resolve(name, "playback", tmp_path).formats[0].channels == channels
    with pytest.raises(DeviceError, match="no microphone side on device 1"):
        resolve("hw:CARD=A7,DEV=1", "capture", tmp_path)


def test_every_encoding_on_a_line_counts(tmp_path):
    (tmp_path / "card0" / "pcm0c").mkdir(parents=True)
    text = "Capture:\n Format: U8 S16_LE\n Channels: 1\n Rates: 8000 - 48000 (continuous)\n"
    (tmp_path / "card0" / "stream0").write_text(text)
    offers = list_cards(tmp_path)[0].capture.formats
    assert [offer.encoding for offer in offers] == ["U8", "S16_LE"]


def plugged_in(folder, *cards):
    """Describe USB microphones: card id, socket, serial number, whether sysfs tells of them."""
    lines = []
    for index, (name, port, serial, has_sysfs) in enumerate(cards):
        (folder / f"card{index}" / "pcm0c").mkdir(parents=True)
        (folder / f"card{index}" / "id").write_text(name)
        (folder / f"card{index}" / "usbid").write_text("0d8c:0014")
        (folder / f"card{index}" / "usbbus").write_text(f"00{port[0]}/00{index + 2}")
        where = f"C-Media Mic at usb-0000:01:00.0-{port[2:]}, full speed"
        lines.append(f" {index} [{name:15}]: USB-Audio - Mic\n                      {where}\n")
        if has_sysfs:
            interface = folder / "bus" / port / f"{port}:1.0"
            interface.mkdir(parents=True)
            (interface.parent / "serial").write_text(f"{serial}\n")
            (folder / "sys" / f"card{index}").mkdir(parents=True)
            (folder / "sys" / f"card{index}" / "device").symlink_to(interface)
    (folder / "cards").write_text("".join(lines))
    return folder


@pytest.mark.parametrize(
    ("cards", "names"),
    [
        ([("Mic", "1-1.2", "A12", True)], ["0d8c:0014"]),
        (
            [("Mic", "1-1.2", "A12", True), ("Mic_1", "1-1.3", "A13", True)],
            ["0d8c:0014:A12", "0d8c:0014:A13"],
        ),
        (
            [("Mic", "1-1.3", "0", True), ("Mic_1", "3-2", "0", True)],
            ["0d8c:0014@1-1.3", "0d8c:0014@3-2"],
        ),
        (
            [("Mic", "1-1.3", "a b", True), ("Mic_1", "1-1.2", "", False)],
            ["0d8c:0014@1-1.3", "0d8c:0014@1-1.2"],
        ),
    ],
)
def test_equal_cards_are_told_apart_by_serial_number_or_socket(cards, names, tmp_path):
    found = list_cards(plugged_in(tmp_path, *cards))
    assert [settings_name(card, found) for card in found] == names
    for card, name in zip(found, names, strict=True):
        assert re.search(SOUND_DEVICE, name)
        assert resolve(name, "capture", tmp_path).card == card
        assert resolve(f"0D8C:0014@{card.port}", "capture", tmp_path).card == card
    first = min(found, key=lambda card: card.port)
    assert resolve("0d8c:0014", "capture", tmp_path).card == first
    assert choose("auto", "capture", None, tmp_path).name.card == first


@pytest.mark.parametrize("order", [("1-1.2", "1-1.10"), ("1-1.10", "1-1.2")])
def test_of_equal_cards_the_one_in_the_first_socket_counts_whichever_was_found_first(
    order, tmp_path
):
    plugged_in(tmp_path, *((f"Mic_{n}", port, "", True) for n, port in enumerate(order)))
    assert resolve("0d8c:0014", "capture", tmp_path).card.port == "1-1.2"
