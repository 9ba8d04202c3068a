"""From a file to settings: where it is looked for, what is refused, what is warned of."""

import pytest

from tests.unit.config.samples import CATALOGUE, VALID, examined, settings
from voiced.config.load import examine, find
from voiced.config.schema import AgentSection, Settings
from voiced.config.secret import Secret
from voiced.errors import ConfigError


def test_a_valid_file_becomes_settings():
    found = settings(VALID)
    assert found.device.name == "kitchen"
    assert found.agent.session["input"] == {"keyterms": ["oven", "timer"]}
    assert found.audio.capture.device == "2886:001a"
    assert found.wake.idle_timeout_s == 12.5
    assert found.network.resume_window_s == 25.0
    assert found.tools == ("get_time",)


def test_what_is_not_set_has_its_default():
    assert settings("agent: {url: 'ws://localhost'}") == Settings(
        agent=AgentSection(url="ws://localhost")
    )


def test_a_section_whose_keys_are_all_commented_out_is_as_if_absent():
    text = "agent: {url: 'ws://localhost'}\nlog:\nbutton:\naudio:\n  capture:\n"
    assert settings(text) == settings("agent: {url: 'ws://localhost'}")


def test_a_value_that_may_be_absent_may_be_null():
    text = "agent: {url: 'ws://localhost', key: null}\nnetwork: {ca_file: null}\n"
    assert settings(text) == settings("agent: {url: 'ws://localhost'}")


def test_a_whole_number_will_do_where_a_fraction_may_stand():
    found = settings("agent: {url: 'ws://localhost'}\nwake: {idle_timeout_s: 20}\n")
    assert type(found.wake.idle_timeout_s) is float


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3:8000", "[::1]:8000"])
def test_this_machine_needs_neither_encryption_nor_a_key(host):
    assert settings(f"agent: {{url: 'ws://{host}/v1'}}").agent.key is None


@pytest.mark.parametrize("proxy", ["auto", "none", "http://proxy:3128", "socks5://[::1]:1080"])
def test_a_proxy_is_a_word_or_an_address(proxy):
    text = f"agent: {{url: 'ws://localhost'}}\nnetwork: {{proxy: '{proxy}'}}\n"
    assert settings(text).network.proxy == proxy


def test_settings_are_loaded_from_a_file(tmp_path):
    path = tmp_path / "voiced.yaml"
    path.write_text(VALID + "kiosk: {}\n")
    loaded = examine(path, CATALOGUE).usable()
    assert loaded.settings.kiosk.listen == "127.0.0.1:8080"
    assert loaded.warnings == (
        f"{path}:12: wake.mode: there is no button; write `button: {{pin: 17}}`, or use kill -USR1",
    )


def test_loading_tells_the_only_problem(tmp_path):
    path = tmp_path / "voiced.yaml"
    path.write_text(VALID + "kiosks: {}\n")
    with pytest.raises(ConfigError) as caught:
        examine(path, CATALOGUE).usable()
    assert str(caught.value) == f"{path}:16: kiosks: unknown key; did you mean kiosk?"


@pytest.mark.parametrize(
    ("mistake", "hint"),
    [("kiosks: {}", "did you mean kiosk?; "), ("audio: {playback: {volume: 300}}", "")],
)
def test_loading_tells_the_first_problem_and_how_many_more_there_are(tmp_path, mistake, hint):
    path = tmp_path / "voiced.yaml"
    path.write_text(f"{mistake}\nlogs: {{}}\ntool: []\nagent: {{url: 'ws://localhost'}}\n")
    with pytest.raises(ConfigError) as caught:
        examine(path, CATALOGUE).usable(f"voiced config check {path}")
    assert caught.value.hint == f"{hint}2 more: run `voiced config check {path}`"
    assert caught.value.where.startswith(f"{path}:1: ")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("agent: {key: abc, auth: token}", "a secret must not be in this file"),
        ("agent: {kye: {env: A}}", "unknown key"),
        ("agent: {url: localhost}", "expected a wss:// or https:// address, got other text"),
        (
            "agent: {url: 'ws://localhost'}\nled: {pin: 28}",
            "expected a whole number from 0 to 27, got 28",
        ),
        ("agent: 3", "expected keys and values, got 3"),
    ],
)
def test_what_follows_from_a_fault_is_not_told_beside_it(text, problem):
    [only] = examined(text).problems
    assert only.problem == problem


def test_what_has_nothing_to_do_with_a_fault_is_told_beside_it():
    text = "agent: {session: {x: 1}, key: abc}\ntools: [x]\nled: {}\nnetwork: {replay_s: 99}\n"
    places = [problem.where.split(": ")[1] for problem in examined(text).problems]
    assert set(places) == {"agent.session.x", "agent.key", "tools[0]", "led", "network.replay_s"}


HOLD = "wake: {mode: hold_to_talk}\n"
ALWAYS = "wake: {mode: always, idle_timeout_s: 9}\n"
IN_CLEAR = "anyone on the network can read and send what goes to the broker"
NAMED = "device: {name: kitchen}\n"
SHARED_NAME = (
    "is the default; two devices with the same name would share their MQTT topics; "
    "give each device a name of its own"
)
NO_BUTTON = "there is no button; write `button: {pin: 17}`, or use kill -USR1"


@pytest.mark.parametrize(
    ("text", "warnings"),
    [
        ("", []),
        ("button: {pin: 17}\nwake: {mode: button}\n", []),
        ("wake: {mode: button}\n", [f"f.yaml:2: wake.mode: {NO_BUTTON}"]),
        (HOLD + "button: {pin: 1}\n", []),
        ("remote: {url: 'https://example.org/'}\n", []),
        ("kiosk: {}\nmetrics: {}\n", []),
        (NAMED + "mqtt: {host: localhost, tls: false}\n", []),
        (NAMED + "mqtt: {host: broker.local, tls: false}\n", [f"f.yaml:3: mqtt.tls: {IN_CLEAR}; give the broker a certificate"]),
        ("mqtt: {host: localhost, tls: false}\n", [f"f.yaml:1: device.name: {SHARED_NAME}"]),
        ("wake: {mode: always}\n", []),
        (ALWAYS, ["f.yaml:2: wake.idle_timeout_s: has no effect with `wake.mode: always`; remove it"]),
    ],
)  # fmt: skip
def test_what_has_no_effect_is_warned_of_in_one_line_each(text, warnings):
    found = examined("agent: {url: 'ws://localhost'}\n" + text)
    assert not found.problems
    assert list(found.warnings) == warnings


def test_a_secret_that_others_can_read_is_warned_of(tmp_path):
    path = tmp_path / "key"
    path.write_text("abc")
    path.chmod(0o644)
    found = examined(f"agent:\n  key: {{file: {path}}}\n")
    assert list(found.warnings) == [
        f"f.yaml:2: agent.key: {{file: {path}}} can be read by users other than its owner; "
        f"run `chmod 600 {path}`"
    ]


def test_a_secret_that_vanishes_later_is_blamed_on_its_line(tmp_path):
    path = tmp_path / "key"
    path.write_text("abc")
    secret = settings(f"agent:\n  key: {{file: {path}}}\n").agent.key
    path.unlink()
    with pytest.raises(ConfigError) as caught:
        secret.resolve()
    assert caught.value.where == "f.yaml:2: agent.key"


def test_settings_do_not_show_a_prompt_or_a_secret(tmp_path):
    path = tmp_path / "key"
    path.write_text("abcdefgh")
    found = settings(f"agent: {{key: {{file: {path}}}, session: {{system_prompt: whisper}}}}")
    assert found.agent.key == Secret("file", str(path))
    assert "whisper" not in repr(found)
    assert "abcdefgh" not in repr(found)


def test_the_file_that_was_named_is_used_even_if_it_is_absent(tmp_path):
    assert find(str(tmp_path / "absent.yaml")) == tmp_path / "absent.yaml"


def test_the_service_brings_its_own_directory(tmp_path, monkeypatch):
    (tmp_path / "second").mkdir()
    (tmp_path / "second" / "voiced.yaml").touch()
    monkeypatch.setenv("CONFIGURATION_DIRECTORY", f"{tmp_path / 'first'}:{tmp_path / 'second'}")
    assert find(None) == tmp_path / "second" / "voiced.yaml"


def test_a_file_that_cannot_be_looked_at_is_not_taken_for_absent(tmp_path, monkeypatch):
    name_too_long = tmp_path / ("x" * 300)
    monkeypatch.setenv("CONFIGURATION_DIRECTORY", str(name_too_long))
    assert find(None) == name_too_long / "voiced.yaml"


def test_when_there_is_no_file_the_places_tried_are_told(tmp_path, monkeypatch):
    monkeypatch.setenv("CONFIGURATION_DIRECTORY", str(tmp_path))
    with pytest.raises(ConfigError) as caught:
        find(None)
    assert str(caught.value) == (
        f"voiced.yaml: no such file at {tmp_path}/voiced.yaml or /etc/voiced/voiced.yaml; "
        "name a file, or try `voiced demo`"
    )
