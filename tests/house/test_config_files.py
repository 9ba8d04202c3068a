"""The settings files that are shipped are valid, complete and what the schema says."""

import re
import subprocess

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.house.repository import ROOT
from tests.unit.config.samples import examined
from voiced.assembly.factory import catalogue
from voiced.cli import main
from voiced.config.generated_docs import json_schema
from voiced.config.schema import Settings
from voiced.lib.sections import every_setting

SHIPPED = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "config").rglob("*.yaml"))
EVERY = list(every_setting(Settings))


@pytest.fixture(autouse=True)
def secrets(tmp_path, monkeypatch):
    (tmp_path / "api-key").write_text("0123456789abcdef\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("ASSEMBLYAI_API_KEY", "0123456789abcdef")


def test_there_is_a_file_for_every_kind_of_device():
    names = {"kiosk", "speaker", "stored-agent", "phone-codec"}
    assert {f"config/examples/{name}.yaml" for name in names} <= set(SHIPPED)
    assert {"config/voiced.yaml", "config/demo.yaml"} <= set(SHIPPED)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_file_passes_the_check(name, capsys):
    assert main(["config", "check", str(ROOT / name)]) == 0, capsys.readouterr().err


@pytest.mark.parametrize("name", sorted({*SHIPPED} - {"config/examples/fleet.yaml"}))
def test_a_shipped_file_is_what_the_json_schema_says(name):
    judge = Draft202012Validator(json_schema())
    assert [*judge.iter_errors(yaml.safe_load((ROOT / name).read_text()))] == []


def test_the_json_schema_knows_each_key_of_a_tool_and_a_server():
    wrong = {
        "http_tools": {"look": {"url": "https://a.test/", "metod": "GET", "description": "d"}},
        "mcp": {"Home": {"url": "https://a.test/"}},
        "command_tools": {"run": {"description": "d", "argv": []}},
    }
    found = Draft202012Validator(json_schema()).iter_errors(wrong)
    assert {each.absolute_path[0] for each in found} == {*wrong}


def test_generated_files_are_fresh():
    done = subprocess.run(
        [ROOT / "scripts" / "generate", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("path", "setting"), EVERY, ids=[".".join(path) for path, _ in EVERY])
def test_every_setting_has_help_and_a_reload_class_and_says_what_it_takes(path, setting):
    assert setting.help.endswith(".")
    assert setting.reload in {"live", "next-session", "restart"}
    assert setting.expects


def test_every_number_has_limits():
    numbers = [(path, s.expects) for path, s in EVERY if s.bare in (int, float)]
    assert numbers
    assert all(" from " in expects and " to " in expects for _, expects in numbers)


def test_the_installed_file_has_every_key_with_its_help():
    text = (ROOT / "config" / "voiced.yaml").read_text(encoding="utf-8")
    keys = re.findall(r"^#?( *)([a-z_]+):", text, re.MULTILINE)
    path: list[str] = []
    found = []
    for indent, key in keys:
        path[len(indent) // 2 :] = [key]
        found.append(tuple(path))
    prose = re.sub(r"\n *# ", " ", text)
    for key_path, setting in EVERY:
        assert key_path in found
        assert setting.help in prose


def test_every_key_of_the_installed_file_works_when_it_is_uncommented(tmp_path):
    (tmp_path / "secret").write_text("word\n")
    (tmp_path / "secret").chmod(0o600)
    text = (ROOT / "config" / "voiced.yaml").read_text(encoding="utf-8")
    text = re.sub(r"^#( *[a-z_]+:)", r"\1", text, flags=re.MULTILINE)
    text = re.sub(r"^  (red|green|blue):.*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"^  ca_file:.*$", f"  ca_file: {ROOT / 'LICENSE'}", text, flags=re.MULTILINE)
    text = text.replace("{file: /etc/voiced/", f"{{file: {tmp_path}/secret}}  # ")
    found = examined(text, catalogue())
    assert [str(problem) for problem in found.problems] == []
    assert found.settings.led.pin == 25


def test_the_installed_file_sets_the_defaults():
    installed = yaml.safe_load((ROOT / "config" / "voiced.yaml").read_text(encoding="utf-8"))
    for path, setting in EVERY:
        section = installed
        for key in path[:-1]:
            section = section.get(key, {})
        if path[-1] in section and setting.default not in (None, {}):
            default = setting.default
            assert section[path[-1]] == (list(default) if isinstance(default, tuple) else default)
