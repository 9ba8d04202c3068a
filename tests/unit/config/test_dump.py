"""What the commands print: the settings in force, and the schema."""

import json

import msgspec
import pytest

from tests.unit.config.samples import VALID, settings
from voiced.cli import main
from voiced.config import generated_docs
from voiced.config.dump import to_yaml
from voiced.config.schema import Settings
from voiced.lib.sections import every_setting

WORD = "sk-0123456789abcdef"


@pytest.fixture
def with_secret(tmp_path):
    key = tmp_path / "key"
    key.write_text(WORD)
    key.chmod(0o600)
    path = tmp_path / "voiced.yaml"
    path.write_text(f"agent:\n  key: {{file: {key}}}\n  session: {{system_prompt: Sei höflich}}\n")
    return path


def test_what_is_shown_is_a_settings_file_that_means_the_same():
    for text in (VALID, VALID + "led: {pin: 3}\nbutton: {pin: 4, hold_s: 0.75}\n"):
        assert settings(to_yaml(settings(text))) == settings(text)


def test_every_setting_is_shown_with_its_default(with_secret, capsys):
    assert main(["config", "show", str(with_secret)]) == 0
    shown = capsys.readouterr().out
    for path, _ in every_setting(Settings):
        if path[0] not in {"button", "buttons", "led", "remote", "kiosk", "metrics", "mqtt"}:
            assert f"{'  ' * (len(path) - 1)}{path[-1]}:" in shown
    assert "  idle_timeout_s: 30\n" in shown
    assert "system_prompt: Sei höflich\n" in shown


@pytest.mark.parametrize("command", ["show", "check"])
def test_a_secret_is_shown_as_a_reference_only(command, with_secret, capsys):
    assert main(["config", command, str(with_secret)]) == 0
    out, err = capsys.readouterr()
    assert WORD not in out + err
    if command == "show":
        assert f"  key: {{file: {with_secret.parent}/key}}\n" in out
    else:
        assert out == f"{with_secret}: ok\n"


def test_warnings_do_not_spoil_a_check(with_secret, capsys):
    with with_secret.open("a") as file:
        file.write("device: {name: kitchen}\nmqtt: {host: broker.local, tls: false}\n")
    assert main(["config", "check", str(with_secret)]) == 0
    assert capsys.readouterr().err.startswith(f"warning: {with_secret}:5: mqtt.tls: anyone ")


def test_faulty_settings_are_not_shown(with_secret, capsys):
    with_secret.write_text("agent: 3\n")
    assert main(["config", "show", str(with_secret)]) == 78
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1


def test_the_schema_tells_help_limits_and_reload_class(capsys):
    assert main(["config", "schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    playback = schema["$defs"]["PlaybackSection"]
    assert playback["additionalProperties"] is False
    assert playback["properties"]["volume"] == {
        "type": "integer",
        "minimum": 0,
        "maximum": 100,
        "default": 70,
        "description": "Volume in per cent, until somebody changes it on the device.",
        "x-reload": "live",
    }
    key = schema["$defs"]["AgentSection"]["properties"]["key"]
    assert set(key["anyOf"][0]["properties"]) == {"credential", "file", "env"}


def test_the_schema_covers_every_setting():
    definitions = generated_docs.json_schema()["$defs"].values()
    described = [
        item
        for definition in definitions
        for item in definition.get("properties", {}).values()
        if item.get("x-reload")
    ]
    assert len(described) == len(list(every_setting(Settings)))


def test_settings_are_frozen():
    with pytest.raises(AttributeError):
        settings(VALID).device.name = "x"
    assert msgspec.structs.replace(settings(VALID), version=1) == settings(VALID)
