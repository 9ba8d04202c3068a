"""What a server sends, for one device or for many (fleet.py)."""

import pytest

from voiced.config.document import parse
from voiced.config.fleet import device_names, forbidden, is_fleet, overlay_for

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
        ("revision: 99999999999999999", "f.yaml:1: revision: not a whole number"),
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
    ],
)
def test_what_cannot_be_meant_is_told_with_its_line(text, told_of):
    assert any(line.startswith(told_of) for line in told(text)), told(text)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("remote: {url: 'https://evil.test/x'}", ["remote.url"]),
        ("remote: {allow: [agent.url]}", ["remote.allow"]),
        ("remote: null", ["remote"]),
        ("agent: {url: 'wss://evil.test/', key: {file: /etc/shadow}}", ["agent.key", "agent.url"]),
        ("agent: null", ["agent"]),
        ("agent: {protocol: workbuddy}", ["agent.protocol"]),
        (
            "network: {proxy: 'http://evil.test:1', ca_file: /tmp/x}",
            ["network.ca_file", "network.proxy"],
        ),
        ("kiosk: {listen: '0.0.0.0:80'}", ["kiosk.listen"]),
        ("kiosk: null", ["kiosk"]),
        ("agent: {session: {system_prompt: x}}\nlog: null\naudio: null\ntools: []", []),
        ("device: {name: kitchen}\nunknown: 1\nagent: {nonsense: 1}", []),
        ("7", []),
    ],
)
def test_a_server_may_not_touch_what_would_give_the_device_away(text, names):
    found = forbidden(parse(text.encode(), "f.yaml"), [])
    assert sorted(".".join(problem.path) for problem in found) == names
    assert all(problem.hint for problem in found)
    assert forbidden(parse(text.encode(), "f.yaml"), names) == []
    assert forbidden(parse(text.encode(), "f.yaml"), ["remote", "agent", "network", "kiosk"]) == []
