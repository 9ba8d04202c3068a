"""A device whose settings are broken says so to whoever stands before it."""

import time

import numpy as np
import pytest

from tests.devices.test_conversation import best_correlation, loudness
from voiced.cli import main
from voiced.core.earcons import Earcon, Prompt
from voiced.devices.sound.cue_files import CueFiles

pytestmark = pytest.mark.usefixtures("pins")

BROKEN = """\
version: 1
agent: {{url: "ws://127.0.0.1:9/v1/ws"}}
audio: {{capture: {{device: vmic}}, playback: {{device: {speaker}, volume: 100}}}}
led: {{pin: 25}}
{more}
no_such_key: 1
"""


def run(tmp_path, speaker="vspk", more=""):
    path = tmp_path / "voiced.yaml"
    path.write_text(BROKEN.format(speaker=speaker, more=more))
    began_s = time.monotonic()
    return main(["run", "--config", str(path)]), time.monotonic() - began_s


def test_broken_settings_are_said_at_the_speaker_and_shown_on_the_light(
    rig, tmp_path, capsys, pins
):
    with rig.record_speaker() as recording:
        code, took_s = run(tmp_path)
    assert code == 78
    assert "no_such_key" in capsys.readouterr().err
    assert took_s < 8
    assert loudness(recording.samples) > 300
    cue = CueFiles(earcons=True, prompts=True)(Earcon.ERROR, Prompt.CONFIGURATION_ERROR, 48_000)
    heard = np.frombuffer(recording.samples.tobytes(), "<i2")
    assert best_correlation(heard, np.frombuffer(cue, "<i2")) > 0.95
    assert sum(each.state for each in pins.pin(25).states) >= 4


def test_without_a_speaker_it_ends_all_the_same(rig, tmp_path):
    code, took_s = run(tmp_path, speaker="nosuchpcm")
    assert (code, took_s < 2) == (78, True)


def test_it_is_silent_where_the_causes_are_switched_off(rig, tmp_path):
    with rig.record_speaker() as recording:
        code, _ = run(tmp_path, more="sounds: {earcons: false, causes: false}")
    assert code == 78
    assert loudness(recording.samples) < 1
