"""What a server sends, for one device or for many (fleet.py)."""

import pytest

from voiced.config.fleet import device_names, is_fleet, is_sent, overlay_for
from voiced.config.yaml_document import parse

FLEET = """\
revision: 7
defaults:
  agent: {session: {system_prompt: Be brief.}}
  audio: {playback: {volume: 50}}
groups:
  loud: {audio: {playback: {volume: 90}}}
  late: {log: {level: warning}}
  empty:
devices:
  kitchen:
    groups: [loud, late, empty]
    log: {level: error}
  hall:
"""


FOR_NOBODY = ["", "7", "[]", "[7]", "[kitchen, null]", "{kitchen: }", "true", "[[kitchen]]"]


def overlay(text, name="kitchen"):
    return overlay_for(parse(text.encode(), "f.yaml"), name)


def told(text, name="kitchen"):
    return [f"{problem.where}: {problem.problem}" for problem in overlay(text, name).problems]


def test_the_more_particular_counts_and_keeps_its_line():
    found = overlay(FLEET)
    assert found.problems == ()
    assert found.revision == 7
    assert found.document.value == {
        "agent": {"session": {"system_prompt": "Be brief."}},
        "audio": {"playback": {"volume": 90}},
        "log": {"level": "error"},
    }
    assert (
        found.document.where(("audio", "playback", "volume")) == "f.yaml:6: audio.playback.volume"
    )
    assert found.document.where(("log", "level")) == "f.yaml:12: log.level"


def test_a_device_with_nothing_of_its_own_has_the_defaults():
    assert overlay(FLEET, "hall").document.value["audio"] == {"playback": {"volume": 50}}
    assert overlay("defaults: {log: {level: debug}}").document.value == {"log": {"level": "debug"}}


def test_settings_without_devices_are_for_whoever_asks():
    found = overlay("revision: 3\nlog: {level: debug}\n")
    assert (found.document.value, found.revision) == ({"log": {"level": "debug"}}, 3)
    assert overlay("device: {name: kitchen}").problems == ()


@pytest.mark.parametrize("text", ["for: kitchen", "for: [kitchen]", "for: [hall, kitchen]"])
@pytest.mark.parametrize("more", ["log: {}\n", "defaults: {}\n", "devices: {kitchen: {}}\n"])
def test_a_file_may_say_whom_it_is_for(text, more):
    found = overlay(more + text)
    assert found.problems == ()
    assert "for" not in found.document.value


def test_a_file_with_a_key_of_a_server_is_told_from_a_devices_own():
    for text, sent in (
        ("for: a", True),
        ("revision: 1", True),
        ("groups: {}", True),
        ("log: {}", False),
    ):
        assert is_sent(parse(text.encode(), "f")) is sent
    assert not is_sent(parse(b"[for]", "f"))
    assert device_names(parse(b"for: [kitchen, hall]", "f")) == ["kitchen", "hall"]
    assert device_names(parse(b"for: {kitchen: 1}", "f")) == []
    assert device_names(parse(b"revision: 1\ndevice: {name: kitchen}", "f")) == ["kitchen"]


def test_a_fleet_file_is_told_from_settings_and_names_its_devices():
    fleet, plain = parse(FLEET.encode(), "f"), parse(b"log: {level: info}", "f")
    assert (is_fleet(fleet), is_fleet(plain)) == (True, False)
    assert (device_names(fleet), device_names(plain)) == (["kitchen", "hall"], [])


@pytest.mark.parametrize(
    ("text", "told_of"),
    [
        ("", "f.yaml:1: is empty"),
        ("# only this", "f.yaml:1: is empty"),
        ("[a]", "f.yaml:1: expected keys and values"),
        ("revision: -1", "f.yaml:1: revision: not a whole number"),
        ("revision: soon", "f.yaml:1: revision: not a whole number"),
        ("revision: 1.5", "f.yaml:1: revision: not a whole number"),
        ("revision: true", "f.yaml:1: revision: not a whole number"),
        (
            "revision: 99999999999999999",
            "f.yaml:1: revision: not a whole number from 0 to 9007199254740992",
        ),
        ("device: {name: hall}", "f.yaml:1: device.name: meant for another device"),
        ("defaults: {device: {name: hall}}", "f.yaml:1: device.name: meant for another device"),
        ("devices: {hall: }", "f.yaml:1: devices: this device is not among them"),
        ("devices: {}", "f.yaml:1: devices: this device is not among them"),
        ("devices: [kitchen]", "f.yaml:1: devices: expected keys and values"),
        ("defaults: 7", "f.yaml:1: defaults: expected keys and values"),
        ("devices: {kitchen: 7}", "f.yaml:1: devices.kitchen: expected keys and values"),
        ("devices: {kitchen: {groups: loud}}", "f.yaml:1: devices.kitchen.groups: not a list"),
        ("devices: {kitchen: {groups: [7]}}", "f.yaml:1: devices.kitchen.groups: not a list"),
        ("groups: {loud: x}\ndevices: {kitchen: }", "f.yaml:1: groups.loud: expected keys"),
        (
            "devices: {kitchen: {groups: [a, b]}}",
            "f.yaml:1: devices.kitchen.groups[0]: there is no",
        ),
        ("defaults: {}\nlog: {}", "f.yaml:2: log: unknown key in a fleet file"),
        ("for: hall", "f.yaml:1: for: this device is not among them"),
        ("for: [hall, kitchens]", "f.yaml:1: for: this device is not among them"),
        ("defaults: {}\nfor: [hall]", "f.yaml:2: for: this device is not among them"),
        ("devices: {kitchen: {}}\nfor: [hall]", "f.yaml:2: for: this device is not among them"),
        *((f"for: {value}", "f.yaml:1: for: not a list of device names") for value in FOR_NOBODY),
        (
            "groups: {a: {}}\ndevices: {kitchen: {groups: [a, a]}}",
            "f.yaml:2: devices.kitchen.groups[1]: listed",
        ),
    ],
)
def test_what_cannot_be_meant_is_told_with_its_line(text, told_of):
    assert any(line.startswith(told_of) for line in told(text)), told(text)


PLACES = [
    *(
        "revision",
        "for",
        "defaults",
        "groups",
        "groups.loud",
        "devices",
        "devices.kitchen",
        "version",
    ),
    *("devices.kitchen.groups", "defaults.device", "groups.loud.groups", "device", "defaults.log"),
]
NO_MAPPING = ["0", "7", "false", "true", "''", "x", "1.5", "[]", "[[]]", "[~]", "[{}]"]


def test_whatever_stands_in_the_place_of_anything_is_told_of_or_means_nothing(measured):
    tried = 0
    for place in PLACES:
        for value in [*NO_MAPPING, "~", "{}", "{'': ~}", "{a: {groups: 0}}"]:
            keys = place.split(".")
            text = "".join(f"{'  ' * n}{key}:\n" for n, key in enumerate(keys))[:-1] + f" {value}\n"
            for more in ("", "devices: {kitchen: {groups: [loud]}}\n"):
                if more and keys[0] == "devices":
                    continue
                tried += 1
                document = parse((text + more).encode(), "f.yaml")
                problems = overlay_for(document, "kitchen").problems
                is_section = place in (
                    "defaults",
                    "groups",
                    "groups.loud",
                    "devices",
                    "devices.kitchen",
                )
                assert problems or not (is_section and value in NO_MAPPING), (text, more)
    measured(f"{tried} values in the places of a fleet file tried")
