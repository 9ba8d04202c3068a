"""What is told of the controls of the cards in use."""

import shutil
from pathlib import Path

import pytest

from voiced.config.schema import AudioSection, Settings
from voiced.config.schema_sound import CaptureSection, PlaybackSection
from voiced.devices.sound.mixer import Level
from voiced.doctor.cards import check_cards

MACHINES = Path(__file__).parents[1] / "devices" / "sound" / "asound"
OPEN = Level("Mic", 60, False)
SHUT = Level("Mic", 60, True)


def told(capture, playback, device="Studio", machine="studio", mixer="auto", gain=None):
    sections = CaptureSection(device=device, gain=gain), PlaybackSection(device=device, mixer=mixer)
    settings = Settings(audio=AudioSection(capture=sections[0], playback=sections[1]))
    found = {"capture": capture, "playback": playback}
    findings = check_cards(settings, MACHINES / machine, lambda hw, direction: found[direction])
    return {finding.check: finding for finding in findings}


@pytest.mark.parametrize(
    ("capture", "playback", "options", "result", "fix"),
    [
        ([OPEN], [], {}, "ok", ""),
        ([], [], {}, "skip", ""),
        ([SHUT], [], {}, "fail", "`amixer -c Studio sset 'Mic' cap`"),
        ([SHUT, OPEN], [], {}, "ok", ""),
        ([SHUT], [], {"gain": 50}, "ok", ""),
        ([SHUT], [], {"device": "2886:001a", "machine": "xvf3800"}, "ok", ""),
        ([OPEN], [Level("PCM", 9, True)], {}, "warn", "sset 'PCM' unmute"),
        ([OPEN], [Level("PCM", 9, True)], {"mixer": "none"}, "fail", "sset 'PCM' unmute"),
        ([OPEN], [Level("PCM", 9, False)], {}, "ok", ""),
    ],
)
def test_what_is_switched_off_is_found_before_anything_switches_it_on(
    capture, playback, options, result, fix
):
    found = told(capture, playback, **options)["muted"]
    assert (found.result.value, fix in found.fix) == (result, True)


@pytest.mark.parametrize(
    ("percent", "options", "result", "text"),
    [
        (60, {}, "ok", "Mic 60 %, as it was set"),
        (5, {}, "warn", "Mic 5 %: very low"),
        (5, {"gain": 80}, "ok", "`audio.capture.gain` sets 80 %"),
        (
            5,
            {"device": "2886:001a", "machine": "xvf3800"},
            "ok",
            "XVF3800 needs 100 %, and voiced sets it",
        ),
        (None, {}, "skip", "no volume of its own"),
    ],
)
def test_the_gain_of_the_microphone_is_told_and_who_sets_it(percent, options, result, text):
    found = told([Level("Mic", percent, False)], [], **options)["gain"]
    assert (found.result.value, text in found.text) == (result, True)


@pytest.mark.parametrize("device", ["wav:x.wav", "default", "2886:ffff"])
def test_what_is_no_card_has_no_controls(device):
    found = told([OPEN], [], device=device)
    assert {name: each.result.value for name, each in found.items()} == {
        "equal cards": "ok",
        "muted": "skip",
        "gain": "skip",
    }


def test_a_machine_without_the_library_is_told_so():
    def broken(hw, direction):
        raise ImportError("No module named 'alsaaudio'")

    settings = Settings(audio=AudioSection(capture=CaptureSection(device="Studio")))
    _, finding = check_cards(settings, MACHINES / "studio", broken)
    assert "cannot be read" in finding.text


@pytest.mark.parametrize(
    ("device", "result"),
    [("auto", "warn"), ("0b0e:0420", "warn"), ("USB", "warn"), ("0b0e:0420@1-1.2", "ok")],
)
def test_equal_cards_that_are_not_told_apart_are_pointed_out(device, result, tmp_path):
    machine = tmp_path / "jabra"
    shutil.copytree(MACHINES / "jabra", machine)
    for number in (0, 1):
        (machine / f"card{number}" / "usbbus").write_text(f"001/00{number + 4}")
    found = told([], [], device=device, machine=machine)["equal cards"]
    assert found.result.value == result
    if result == "warn":
        assert "0b0e:0420@1-1.1, 0b0e:0420@1-1.2" in found.fix
