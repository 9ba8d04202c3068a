"""What was heard, judged."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from voiced.config.schema import AudioSection, Settings
from voiced.core.pcm import PcmFormat
from voiced.devices.sound.selection import choose
from voiced.doctor.sound import judge
from voiced.doctor.sound_probe import Heard
from voiced.errors import DeviceError

MACHINES = Path(__file__).parents[1] / "devices" / "sound" / "asound"
NOISE = np.random.default_rng(5).normal(0, 300, 16_000)


def heard(channels=(NOISE,), **changes):
    n = len(channels)
    pcm = np.stack(channels, axis=1).astype("<i2").tobytes()
    rate_hz = changes.pop("format_hz", 16_000)
    return Heard("mic", format=PcmFormat(rate_hz, n), pcm=pcm, rate_hz=float(rate_hz), **changes)


def played(**changes):
    return Heard("speaker", format=PcmFormat(48_000), rate_hz=48_000.0, **changes)


def on(machine, device, direction):
    return choose(device, direction, None, MACHINES / machine)


def findings(one, other, echo="hardware"):
    settings = Settings(audio=AudioSection(echo=echo))
    return {finding.check: finding for finding in judge(settings, one, other)}


def result(found, check):
    return found[check].result.value


def test_sound_that_is_well_is_ok():
    found = findings(heard(), played())
    assert {finding.result.value for finding in found.values()} <= {"ok", "skip"}


@pytest.mark.parametrize(
    ("speaker", "echo", "expected"),
    [
        (("xvf3800", "2886:001a"), "hardware", "ok"),
        (("xvf3800", "vc4hdmi0"), "hardware", "fail"),
        (("xvf3800", "vc4hdmi0"), "half_duplex", "skip"),
        (("xvf3800", "default"), "hardware", "skip"),
    ],
)
def test_an_echo_is_cancelled_only_by_the_card_that_plays(speaker, echo, expected):
    microphone = on("xvf3800", "2886:001a", "capture")
    found = findings(heard(choice=microphone), played(choice=on(*speaker, "playback")), echo)
    assert result(found, "same card") == expected
    assert ("echo loop" in found["same card"].text) is (expected == "fail")


@pytest.mark.parametrize(
    ("machine", "device", "expected"),
    [("xvf3800", "2886:001a", "ok"), ("studio", "Studio", "warn"), ("hdmi", "default", "skip")],
)
def test_a_card_that_is_not_known_to_cancel_echo_is_pointed_out(machine, device, expected):
    found = findings(heard(choice=on(machine, device, "capture")), played())
    assert result(found, "array") == expected


@pytest.mark.parametrize(
    ("share", "expected"), [(1.0, "ok"), (0.99, "ok"), (3.0, "fail"), (0.9, "fail")]
)
def test_a_card_that_runs_at_another_rate_than_it_says_is_found(share, expected):
    one, other = heard(), played()
    one.rate_hz, other.rate_hz = 16_000 * share, 48_000 * share
    found = findings(one, other)
    assert result(found, "capture rate") == result(found, "playback rate") == expected


@pytest.mark.parametrize(
    ("channels", "channel", "expected", "fix"),
    [
        ((NOISE,), 0, "ok", ""),
        ((0 * NOISE, NOISE), 0, "fail", "audio.capture.channel: 1"),
        ((0 * NOISE, 0 * NOISE), 0, "fail", "mute"),
        ((NOISE, 0 * NOISE), 0, "ok", ""),
        ((np.clip(NOISE * 500, -32768, 32767),), 0, "fail", "alsamixer"),
        ((np.sign(NOISE),), 0, "warn", "alsamixer"),
    ],
)
def test_the_level_of_the_channel_in_use_is_judged(channels, channel, expected, fix):
    found = findings(heard(channels, channel=channel), played())
    assert result(found, "level") == expected
    assert fix in found["level"].fix


@pytest.mark.parametrize("loud", [np.clip(NOISE * 500, -32768, 32767), np.sign(NOISE)])
def test_what_this_program_sets_itself_is_not_to_be_set_with_alsamixer(loud):
    needs_gain = heard((loud,), choice=on("xvf3800", "2886:001a", "capture"))
    assert "`audio.capture.gain`" in findings(needs_gain, played())["level"].fix


def test_a_telephone_is_told_from_a_microphone():
    assert result(findings(heard(format_hz=8_000), played()), "microphone") == "warn"


def test_sound_that_comes_too_late_is_counted():
    found = findings(heard(xruns=2), played(xruns=1))
    assert "3 times" in found["in time"].text


def test_of_a_direction_that_does_not_work_nothing_else_is_said():
    broken = Heard("mic", error=DeviceError("mic", "it is gone"))
    found = findings(broken, Heard("speaker", error=DeviceError("speaker", "it is gone", "plug")))
    assert [check for check in found if result(found, check) != "skip"] == ["microphone", "speaker"]
    assert found["microphone"].fix == "see `voiced devices`"
    assert found["speaker"].fix == "plug"


def test_a_loudspeaker_is_not_to_be_plugged_into_a_card_that_has_no_output():
    deaf = on("xvf3800", "2886:001a", "capture")
    mute = replace(deaf, name=replace(deaf.name, card=replace(deaf.name.card, playbacks=())))
    other = played(choice=on("xvf3800", "vc4hdmi0", "playback"))
    assert "plug the loudspeaker into Array" in findings(heard(choice=deaf), other)["same card"].fix
    assert "plug the loudspeaker" not in findings(heard(choice=mute), other)["same card"].fix
