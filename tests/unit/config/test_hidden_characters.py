"""What nobody can see in a settings file is named, wherever it stands: which character, and where."""

import json

import pytest
import yaml

from tests.unit.config.samples import examined, problems
from voiced.assembly.factory import catalogue
from voiced.config.yaml_document import FASTEST, parse
from voiced.errors import ConfigError

HIDDEN = {
    "zero width space": "\u200b",
    "zero width joiner": "\u200d",
    "byte order mark": "\ufeff",
    "soft hyphen": "\u00ad",
    "no-break space": "\u00a0",
    "narrow no-break space": "\u202f",
    "ideographic space": "\u3000",
    "right-to-left override": "\u202e",
    "word joiner": "\u2060",
    "variation selector": "\ufe0f",
    "hangul filler": "\u3164",
    "braille blank": "\u2800",
    "tag": "\U000e0041",
}

AGENT = "agent: {url: 'ws://127.0.0.1/'}\n"

PLACES = {
    "a section": (AGENT + "wa§ke: {mode: button}\n", 2, 3),
    "a key": (AGENT + "wake:\n  mo§de: button\n", 3, 3),
    "before a key": (AGENT + "wake:\n  §mode: button\n", 3, 1),
    "after a key": (AGENT + "wake:\n  mode§: button\n", 3, 5),
    "after a colon": (AGENT + "log:\n  level:§info\n", 2, 7),
    "a choice": (AGENT + "wake: {mode: but§ton}\n", 2, 4),
    "a number": (AGENT + "wake: {idle_timeout_s: 3§0}\n", 2, 2),
    "the end of a number": (AGENT + "wake: {idle_timeout_s: 30§}\n", 2, 3),
    "a protocol": ("agent: {url: 'ws://127.0.0.1/', protocol: ass§emblyai}\n", 1, 4),
    "a truth": ("agent: {url: 'ws://127.0.0.1/', eager_tools: tr§ue}\n", 1, 3),
    "a name": (AGENT + "device: {name: kit§chen}\n", 2, 4),
    "a tool": (AGENT + "tools: [get§_time]\n", 2, 4),
    "a kind of reference": (
        AGENT + "mqtt: {host: a, username: u, password: {fi§le: /x}}\n",
        2,
        3,
    ),
    "a variable": (AGENT + "mqtt: {host: a, username: u, password: {env: A§B}}\n", 2, 2),
    "a key of the session": (
        "agent:\n  url: ws://127.0.0.1/\n  session:\n    system§_prompt: x\n",
        4,
        7,
    ),
    "a choice of the session": (
        "agent:\n  url: ws://127.0.0.1/\n  session: {output: {format: {encoding: audio/p§cm}}}\n",
        3,
        8,
    ),
    "deep in the session": (
        "agent:\n  url: ws://127.0.0.1/\n  session: {input: {key§terms: [a]}}\n",
        3,
        4,
    ),
    "a declared tool": (
        AGENT + "command_tools: {x: {description: d, com§mand: [/bin/true], parameters: {}}}\n",
        2,
        4,
    ),
}


TRIES = [
    *((place, name) for place in PLACES for name in ("zero width space", "no-break space")),
    *((place, name) for place in ("a key", "a tool") for name in HIDDEN),
]


@pytest.mark.parametrize(("place", "name"), dict.fromkeys(TRIES))
def test_a_character_that_nobody_sees_is_named_with_its_place(place, name):
    character = HIDDEN[name]
    text, line, position = PLACES[place]
    found = examined(text.replace("§", character), catalogue()).problems
    named = f"character U+{ord(character):04X} ("
    [only] = [str(each) for each in found if named in str(each)]
    assert only.startswith(f"f.yaml:{line}")
    assert f") at position {position}; " in only
    assert only.endswith("write a space" if character.isspace() else "remove it")
    assert character not in only


@pytest.mark.parametrize("key", ["revi{}sion", "devi{}ces"])
@pytest.mark.parametrize("character", HIDDEN.values(), ids=HIDDEN)
def test_nor_is_one_overlooked_in_what_a_server_sends(key, character, tmp_path, capsys):
    from voiced.cli import main

    path = tmp_path / "fleet.yaml"
    path.write_text(f"defaults: {{}}\n{key.format(character)}: 1\n")
    assert main(["config", "check", str(path)]) == 78
    assert f"character U+{ord(character):04X} (" in capsys.readouterr().err


@pytest.mark.parametrize("character", HIDDEN.values(), ids=HIDDEN)
def test_where_the_file_is_no_yaml_the_line_is_said_to_hold_one(character):
    [only] = problems(f"agent:\n  url: [ws://127.0.0.1/\n{character}wake: x\n")
    assert f"U+{ord(character):04X}" in only
    assert character not in only


def test_a_line_that_hides_nothing_is_not_blamed():
    [only] = problems("agent:\n  url: 'x'\ty: [\n")
    assert "U+" not in only


@pytest.mark.parametrize(
    "text", ["Bonjour\u00a0!", "\u0645\u06cc\u200c\u062e\u0648", "👨\u200d👩", "❤\ufe0f"]
)
def test_prompts_are_written_as_people_write(text):
    said = json.dumps({"agent": {"url": "ws://127.0.0.1/", "session": {"system_prompt": text}}})
    assert not examined(said, catalogue()).problems


@pytest.mark.parametrize("loader", [FASTEST, yaml.SafeLoader])
@pytest.mark.parametrize("escaped", [r"\ud83d", r"\ude00", r"\ude00\ud83d", r"\ud83d\ud83d\ude00"])
def test_half_a_character_is_told_of_by_its_line(escaped, loader):
    with pytest.raises(ConfigError) as told:
        parse(f'a: 1\nb: "{escaped}"\n'.encode(), "f.yaml", loader)
    assert str(told.value).startswith("f.yaml:2: ")
    assert "half a character" in str(told.value) or "write the character itself" in str(told.value)


@pytest.mark.parametrize("loader", [FASTEST, yaml.SafeLoader])
@pytest.mark.parametrize("code", [0x10000, 0x1F600, 0x20000, 0xE0100, 0x10FFFD])
@pytest.mark.parametrize("upper", [False, True])
def test_what_json_escapes_in_two_halves_is_one_character(code, upper, loader):
    escaped = json.dumps(chr(code))
    if upper:
        escaped = escaped.upper().replace("\\U", "\\u")
    document = parse(f"{{{escaped}: [{escaped}], 'x': \"a{escaped[1:]}}}".encode(), "f", loader)
    assert document.value == {chr(code): [chr(code)], "x": f"a{chr(code)}"}
