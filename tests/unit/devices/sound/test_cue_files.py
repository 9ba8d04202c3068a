"""The device's own sounds: shipped, replaced, switched off."""

import wave

import numpy as np
import pytest

from voiced.audio.earcons import earcon
from voiced.core.earcons import Earcon, Prompt
from voiced.devices.sound.cue_files import LONGEST_S, SHIPPED, CueFiles
from voiced.devices.sound.wav_reading import read_wav

RATE_HZ = 48_000


def write(path, pcm, rate_hz=RATE_HZ):
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate_hz, 0, "NONE", ""))
        file.writeframes(pcm)


def all_cues(folder=None):
    return CueFiles(folder, earcons=True, prompts=True)


@pytest.mark.parametrize("prompt", Prompt)
def test_every_cause_is_shipped_short_and_not_too_loud(prompt):
    pcm_format, pcm = read_wav(SHIPPED / f"{prompt.value}.wav", 0)
    assert pcm_format.rate_hz == 16_000
    assert 0.8 < pcm_format.duration_ms(len(pcm)) / 1000 < 4.0
    assert 0.3 < np.abs(np.frombuffer(pcm, "<i2").astype(int)).max() / 32_768 < 0.6


def test_no_other_file_is_shipped():
    assert {path.stem for path in SHIPPED.iterdir()} == {prompt.value for prompt in Prompt}


@pytest.mark.parametrize("which", Earcon)
def test_an_earcon_alone_is_what_was_made_for_it(which):
    assert all_cues()(which, None, RATE_HZ) == earcon(which, RATE_HZ)


def test_a_cause_follows_its_earcon_at_the_speakers_rate():
    alone, both = (all_cues()(Earcon.ERROR, prompt, RATE_HZ) for prompt in (None, Prompt.OFFLINE))
    assert both.startswith(alone)
    pcm_format, pcm = read_wav(SHIPPED / "no-network.wav", 0)
    spoken_s = pcm_format.duration_ms(len(pcm)) / 1000
    assert (len(both) - len(alone)) / 2 / RATE_HZ == pytest.approx(spoken_s + 0.15, abs=0.01)


def test_each_kind_can_be_switched_off():
    silent = CueFiles(earcons=False, prompts=False)
    assert silent(Earcon.ERROR, Prompt.OFFLINE, RATE_HZ) == b""
    assert silent(Earcon.ALARM, None, RATE_HZ) == earcon(Earcon.ALARM, RATE_HZ)
    earcons = CueFiles(earcons=True, prompts=False)
    assert earcons(Earcon.ERROR, Prompt.OFFLINE, RATE_HZ) == earcon(Earcon.ERROR, RATE_HZ)
    prompts = CueFiles(earcons=False, prompts=True)
    assert len(prompts(Earcon.ERROR, Prompt.OFFLINE, RATE_HZ)) > 0


def test_the_owners_files_come_first(tmp_path):
    sound = np.arange(480, dtype="<i2").tobytes()
    write(tmp_path / "wake.wav", sound)
    cues = all_cues(tmp_path)
    assert cues(Earcon.WAKE, None, RATE_HZ) == sound
    assert cues(Earcon.END, None, RATE_HZ) == earcon(Earcon.END, RATE_HZ)
    write(tmp_path / "no-network.wav", sound)
    assert cues(Earcon.WAKE, Prompt.OFFLINE, RATE_HZ).endswith(sound)


def test_an_owners_file_that_cannot_be_used_is_told_of_once_and_left_out(tmp_path, caplog):
    (tmp_path / "wake.wav").write_text("no sound")
    (tmp_path / "no-network.wav").mkdir()
    cues = all_cues(tmp_path)
    for _ in range(3):
        assert cues(Earcon.WAKE, None, RATE_HZ) == earcon(Earcon.WAKE, RATE_HZ)
        assert len(cues(Earcon.WAKE, Prompt.OFFLINE, RATE_HZ)) > RATE_HZ
    assert caplog.text.count("a sound is left out") == 2


def test_a_file_without_end_is_cut(tmp_path):
    write(tmp_path / "wake.wav", bytes(2 * RATE_HZ * 60))
    assert len(all_cues(tmp_path)(Earcon.WAKE, None, RATE_HZ)) == LONGEST_S * RATE_HZ * 2
