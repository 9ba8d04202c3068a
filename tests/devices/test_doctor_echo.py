"""`voiced doctor --echo` on a room that is known: an acoustic path of fixed delay and loss."""

import json

import numpy as np
import pytest

from tests.devices.rig import MICROPHONE_RATE_HZ
from voiced.audio.echo_measure import from_pcm, sweep
from voiced.cli import main

NEARBY = 800
"""How far apart matches of one sweep may lie, in samples; two sweeps are seconds apart."""

SETTINGS = """\
version: 1
agent: {url: "ws://127.0.0.1:9/v1/ws"}
audio:
  capture: {device: vmic}
  playback: {device: vspk, volume: 100}
"""


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    path = tmp_path / "voiced.yaml"
    path.write_text(SETTINGS)
    return path


def findings(settings, capsys, *options):
    main(["doctor", "--config", str(settings), "--json", *options])
    return {each["check"]: each for each in json.loads(capsys.readouterr().out)["checks"]}


def began_s(recording):
    """Return when a recording has the sweep, the last one if it was played again."""
    sound = from_pcm(recording.samples.tobytes(), recording.rate_hz)
    size = 1 << int(np.ceil(np.log2(sound.size + sweep().size)))
    matches = np.fft.irfft(np.fft.rfft(sound, size) * np.conj(np.fft.rfft(sweep(), size)), size)
    strength = np.abs(matches[: sound.size])
    last = int(np.flatnonzero(strength > strength.max() * 0.5)[-1])
    nearby = slice(max(0, last - NEARBY), last + 1)
    return recording.time_s(0) + (nearby.start + int(np.argmax(strength[nearby]))) / 16_000


@pytest.mark.parametrize("attenuation_db", [0, 10, 20, 40])
def test_delay_and_loss_are_those_of_the_room(rig, settings, capsys, measured, attenuation_db):
    with (
        rig.echo(attenuation_db),
        rig.record("spk.monitor", 48_000) as played,
        rig.record("mic.monitor", MICROPHONE_RATE_HZ) as captured,
    ):
        found = findings(settings, capsys, "--echo")
    truly_ms = (began_s(captured) - began_s(played)) * 1000
    line = found["echo 0"]["text"]
    loss_db, delay_ms = (float(word) for word in line.split() if word[0].isdigit())
    measured(
        f"echo path of {attenuation_db} dB, {truly_ms:.0f} ms by two recorders: doctor says {line}"
    )
    assert loss_db == pytest.approx(attenuation_db, abs=2)
    assert delay_ms == pytest.approx(truly_ms, abs=5)
    safe = {0: "fail", 10: "fail", 20: "warn", 40: "ok"}
    assert found["echo"]["result"] == safe[attenuation_db]
    assert ("half_duplex" in found["echo"]["fix"]) is (attenuation_db < 40)


def test_a_room_without_echo_is_told_apart_from_a_good_one(rig, settings, capsys):
    found = findings(settings, capsys, "--echo")
    assert found["echo"]["result"] == "ok"
    assert "if you heard the test sound" in found["echo"]["text"]
