"""What a settings server may send: what nothing is said about, it may not."""

import pytest

from tests.unit.config.samples import CATALOGUE, settings
from voiced.assembly.factory import catalogue
from voiced.cli import main
from voiced.config.history import Record, Sent
from voiced.config.load import Source, as_texts, examine_sources
from voiced.config.resolve import choose
from voiced.config.schema import Settings
from voiced.config.sending import forbidden, meanings, names_in, permissions_of
from voiced.config.yaml_document import parse
from voiced.lib.permissions import every_permission
from voiced.lib.sections import every_setting

ASSEMBLYAI = catalogue().agent_class("assemblyai").session_permissions
EVERYTHING = permissions_of(ASSEMBLYAI)


def refused(text, allow=(), permissions=EVERYTHING):
    return forbidden(parse(text.encode(), "f.yaml"), allow, permissions)


def names(problems):
    return sorted(".".join(problem.path) for problem in problems)


@pytest.mark.parametrize(
    ("text", "found"),
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
        ("agent: {session: {webhook: {url: 'https://evil.test/'}}}", ["agent.session.webhook"]),
        ("agent: {session: {tools: [{http: {url: 'http://evil.test/'}}]}}", ["agent.session.tools"]),
        ("agent: {session: {agent_id: agent_1}}", ["agent.session.agent_id"]),
        ("agent: {session: {pre_connect_requests: [x]}}", ["agent.session.pre_connect_requests"]),
        ("agent: {session: {input: {hook: x}, hook: y}}", ["agent.session.hook", "agent.session.input.hook"]),
        ("agent: {session: null}", ["agent.session"]),
        ("agent: {session: x}", ["agent.session"]),
        ("wake: {mode: always}", ["wake.mode"]),
        ("wake: {mode: hold_to_talk}", ["wake.mode"]),
        ("wake: {mode: null, idle_timeout_s: 121}", ["wake.idle_timeout_s", "wake.mode"]),
        ("wake: {idle_timeout_s: true}", ["wake.idle_timeout_s"]),
        ("wake: {idle_timeout_s: .inf}", ["wake.idle_timeout_s"]),
        ("wake: null", ["wake"]),
        ("led: {pin: 25, active: low}", ["led.active", "led.pin"]),
        ("led: null\nbutton: null\nbuttons: null", ["button", "buttons", "led"]),
        ("button: {hold: none}", ["button.hold"]),
        ("buttons: {mute: {pin: 4}}", ["buttons.mute.pin"]),
        ("audio: {capture: {mute: close, silent_after_s: 0}}", ["audio.capture.mute", "audio.capture.silent_after_s"]),
        ("audio: null", ["audio"]),
        ("privacy: {captions: network, transcripts: true}", ["privacy.captions", "privacy.transcripts"]),
        ("privacy: {captions: device}", ["privacy.captions"]),
        ("sounds: {earcons: false, causes: false, directory: /tmp}", ["sounds.causes", "sounds.directory", "sounds.earcons"]),
        ("sounds: {earcons: 1}", ["sounds.earcons"]),
        ("audio: {playback: {volume: 0}}", ["audio.playback.volume"]),
        ("audio: {playback: {volume: 9}}", ["audio.playback.volume"]),
        ("audio: {playback: {volume: true}}", ["audio.playback.volume"]),
        ("agent: {session: {output: {volume: 9.5}}}", ["agent.session.output.volume"]),
        ("agent: {session: {output: {volume: .nan}}}", ["agent.session.output.volume"]),
    ],
)  # fmt: skip
def test_a_server_may_not_touch_what_gives_the_device_away_or_what_people_rely_on(text, found):
    problems = refused(text)
    assert names(problems) == found
    assert all(problem.hint for problem in problems)
    assert refused(text, {name.partition(".")[0] for name in found}) == []
    assert refused(text, found) == []


@pytest.mark.parametrize(
    "text",
    [
        "agent: {session: {system_prompt: x, output: {voice: v}}}\nlog: null\ntools: []",
        "wake: {mode: button, idle_timeout_s: 120}",
        "privacy: {captions: nobody, transcripts: false}",
        "sounds: {earcons: true}",
        "audio: {playback: {volume: 10}}\nagent: {session: {output: {volume: 100}}}",
        "device: {name: kitchen}\nunknown: 1\nagent: {nonsense: 1}",  # refused in better words elsewhere
        "7",
        "kiosk: {}",  # which it has
    ],
)
def test_a_server_may_set_the_rest_and_what_takes_nothing_from_anybody(text):
    assert refused(text) == []


def test_a_section_that_the_device_lacks_is_not_a_servers_to_add():
    bare = settings("agent: {url: 'ws://localhost'}\n")
    lacking = permissions_of(ASSEMBLYAI, bare)
    absent = ["button", "buttons", "kiosk", "led", "metrics", "mqtt", "remote"]
    text = "".join(f"{name}: {{}}\n" for name in (*absent, "audio", "privacy"))
    assert names(refused(text, (), lacking)) == absent
    assert names(refused("led: {pin: 3}", ["led.pin"], lacking)) == ["led"]
    has = settings("agent: {url: 'ws://localhost'}\nled: {pin: 4}\n")
    assert refused("led: {pin: 3}", ["led.pin"], permissions_of(ASSEMBLYAI, has)) == []


def test_where_sound_leaves_only_while_the_button_is_held_no_server_lets_it_leave_afterwards():
    own = "agent: {url: 'ws://localhost'}\nbutton: {pin: 17}\nwake: {mode: hold_to_talk}\n"
    held = permissions_of(ASSEMBLYAI, settings(own))
    [problem] = refused("wake: {mode: button}", (), held)
    assert str(problem.problem) == "only the device's own file may set this"
    assert refused("wake: {mode: button}", ["wake.mode"], held) == []
    always = permissions_of(ASSEMBLYAI, settings(own.replace("hold_to_talk", "always")))
    assert refused("wake: {mode: button}", (), always) == []


def test_the_words_say_what_a_server_may_set_instead():
    [mode] = refused("wake: {mode: always}")
    assert str(mode.problem) == "only the device's own file may set this to anything but `button`"
    assert mode.hint == "there, `remote.allow: [wake.mode]` allows it"
    [idle] = refused("wake: {idle_timeout_s: 3600}")
    assert str(idle.problem) == "only the device's own file may set this to anything but up to 120"
    [soft] = refused("audio: {playback: {volume: 3}}")
    assert str(soft.problem) == "only the device's own file may set this to anything but 10 or more"
    [unknown] = refused("agent: {session: {input: {keyterm: [x]}}}")
    assert str(unknown.hint) == "did you mean keyterms?"


def test_every_setting_says_whether_a_server_may_set_it_and_what_it_could_do():
    for path, setting in every_setting(Settings):
        assert setting.remote is not None, path
    for path, permission in every_permission(EVERYTHING):
        assert permission.power == permission.power.strip(" ."), path
        assert not permission.local or permission.power, path


def test_every_name_that_may_be_allowed_has_one_sentence_that_says_what_that_means():
    every = sorted(names_in(EVERYTHING))
    sentences = list(meanings(every, EVERYTHING))
    assert len(sentences) == len(every)
    for name, sentence in zip(every, sentences, strict=True):
        assert sentence.startswith(f"{name}: a server ")
        assert sentence.endswith(".")
    [allowed] = meanings(["wake.mode"], EVERYTHING)
    assert allowed.startswith("wake.mode: a server can have the device listen all the time")
    assert list(meanings(["log"], EVERYTHING)) == ["log: a server may set this without it."]


def test_what_may_be_allowed_are_settings_sections_and_the_keys_of_the_agents_session():
    text = "agent: {url: 'ws://localhost'}\nremote: {url: 'https://x.test/', allow: [NAMES]}\n"
    good = settings(text.replace("NAMES", "agent.session, agent.session.webhook, led, wake.mode"))
    assert good.remote.allow[1] == "agent.session.webhook"
    assert names_in(permissions_of(CATALOGUE.agent_class("assemblyai").session_permissions)) >= {
        "agent.session.input"
    }


OWN = """\
agent: {url: 'ws://localhost'}
wake: {mode: always}
led: {pin: 4}
remote:
  url: https://config.test/x
  allow: [wake.mode, led, agent.session.webhook, log.level]
"""
FLEET = """\
devices:
  lobby: {wake: {mode: always}}
  hall: {led: {pin: 5}, agent: {session: {webhook: {url: 'https://mine.test/', events: []}}}}
"""


def test_the_check_says_in_a_sentence_what_each_allowed_name_means(tmp_path, capsys):
    own = tmp_path / "voiced.yaml"
    own.write_text(OWN)
    assert main(["config", "check", str(own)]) == 0
    lines = capsys.readouterr().out.replace(f"{own}: ", "").splitlines()
    assert [line.split(": a server ")[0] for line in lines] == [
        "remote.allow: wake.mode",
        "remote.allow: led",
        "remote.allow: agent.session.webhook",
        "remote.allow: log.level",
        "ok",
    ]
    assert "keep the light dark while the device listens" in lines[1]
    assert "have the agent's service report every session to any address" in lines[2]


def test_a_fleet_file_is_checked_by_itself_or_over_the_devices_own_file(tmp_path, capsys):
    own, fleet = tmp_path / "voiced.yaml", tmp_path / "fleet.yaml"
    own.write_text(OWN)
    fleet.write_text(FLEET)
    assert main(["config", "check", str(fleet)]) == 78
    told = capsys.readouterr().err
    assert all(f": {name}: only the device's own" in told for name in ("wake.mode", "led"))
    assert "agent.session.webhook: only the device's own" in told
    assert main(["config", "check", str(fleet), "--own", str(own)]) == 0
    assert capsys.readouterr().out.startswith(f"{fleet}: ok for lobby, hall\n")
    assert main(["config", "check", str(own), "--own", str(own)]) == 78
    assert "--own has no effect" in capsys.readouterr().err


def test_what_a_device_took_from_its_server_before_is_left_out_if_it_may_no_more():
    own = Source("f.yaml", OWN.replace("wake.mode, led, ", "").encode())
    record = Record(local=as_texts([own]), good=Sent("led: {pin: 6}\n"))
    found = choose(examine_sources([own], catalogue()), record, catalogue())
    assert found.best.settings.led.pin == 4
    assert "led.pin: only the device's own file may set this" in str(found.refused)
