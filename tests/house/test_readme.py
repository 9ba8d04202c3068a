"""The documents keep to the truth: their commands exist, their tables are complete."""

import re
import sys

import pytest

from tests.house.repository import ROOT, documents, run
from voiced.cli import COMMANDS
from voiced.config.signature import signing_command
from voiced.core.actions import Status

TEXT = documents()
CODE = "\n".join(re.findall(r"```(?:sh|bash|console)\n(.*?)```", TEXT, re.DOTALL))


def test_every_status_is_explained():
    explained = set(re.findall(r"^\| `([a-z-]+)` \|", TEXT, re.MULTILINE))
    assert {status.value for status in Status} <= explained


def test_every_command_is_explained():
    explained = set(re.findall(r"^\| `voiced ([a-z]+)", TEXT, re.MULTILINE))
    assert explained == set(COMMANDS)


@pytest.mark.parametrize("file", ["config/fleet.md", "config/examples/fleet.yaml"])
def test_what_signs_a_file_names_the_revision_that_the_example_has(file):
    text = (ROOT / file).read_text(encoding="utf-8")
    commands = re.findall(r'minisign -S -m fleet\.yaml(?: -t "[^"]*")?', text)
    revision = re.search(r"^revision: ([0-9]+)", text, re.MULTILINE)
    assert set(commands) == {signing_command("fleet.yaml", int(revision[1]))}


@pytest.mark.parametrize("script", sorted(set(re.findall(r"\bscripts/[a-z-]+", TEXT))))
def test_a_named_script_or_folder_exists(script):
    assert (ROOT / script).exists()


@pytest.mark.parametrize(
    "command", sorted(set(re.findall(r"(?:voiced|scripts/run) ([a-z]+)", CODE)))
)
def test_a_named_command_exists(command):
    assert command in COMMANDS


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\bconfig/[\w./-]+\.yaml", TEXT))))
def test_a_named_settings_file_exists(path):
    assert (ROOT / path).is_file()


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_a_command_says_what_it_does(command):
    helped = run(sys.executable, "-m", "voiced", command, "--help")
    assert helped.returncode == 0, helped.stderr
    assert "usage: voiced" in helped.stdout
