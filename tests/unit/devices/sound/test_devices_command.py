"""What `voiced devices` tells people."""

import argparse
import json
from pathlib import Path

import pytest

from voiced.cli.devices import configure, describe, run
from voiced.devices.sound.cards import list_cards

MACHINES = Path(__file__).parent / "asound"


def test_the_table_shows_each_card_and_what_it_offers():
    lines = describe(list_cards(MACHINES / "arrayuac10")).splitlines()
    assert lines[0].split() == ["CARD", "USB", "ID", "CAPTURE", "PLAYBACK", "NAME"]
    assert lines[1].split() == ["vc4hdmi0", "-", "-", "yes", "vc4-hdmi-0"]
    assert "ArrayUAC10  2886:0018  6 ch S16_LE 16000 Hz  2 ch S16_LE 16000 Hz" in lines[2]
    assert lines[2].endswith("ReSpeaker 4 Mic Array (UAC1.0)")


@pytest.mark.parametrize(
    ("machine", "capture", "playback"),
    [
        ("xvf3800", "2886:001a", "2886:001a"),
        ("jabra", "USB", "USB"),
        ("studio", "1234:abcd", "1234:abcd"),
    ],
)
def test_the_advice_names_a_card_that_listens_and_speaks(machine, capture, playback):
    advice = describe(list_cards(MACHINES / machine))
    assert f'capture:  {{device: "{capture}", channel: 0}}' in advice
    assert f'playback: {{device: "{playback}"}}' in advice


def test_a_machine_that_can_only_speak_is_told_to_get_a_microphone():
    advice = describe(list_cards(MACHINES / "hdmi"))
    assert 'playback: {device: "vc4hdmi0"}' in advice
    assert "capture:" not in advice
    assert "None of these cards has a microphone." in advice


def test_a_machine_without_cards_is_told_what_to_do():
    advice = describe([])
    assert "No sound card is connected." in advice
    assert "voiced demo" in advice


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_the_command_always_succeeds(arguments, capsys):
    parser = argparse.ArgumentParser()
    configure(parser)
    assert run(parser.parse_args(arguments)) == 0
    printed = capsys.readouterr().out
    if arguments:
        assert isinstance(json.loads(printed), list)
    else:
        assert printed.strip()
