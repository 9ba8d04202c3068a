"""A right file is right on every machine: what only this one lacks is a warning, an error where it counts."""

import pytest

from voiced.assembly.factory import catalogue
from voiced.cli import main
from voiced.config.load import examine
from voiced.tools import safe_regex
from voiced.tools.declared import parameters
from voiced.tools.mcp import validation as mcp

AGENT = "agent: {url: 'ws://127.0.0.1/'}\n"
TOOL = (
    "http_tools:\n  x:\n    description: d\n    url: https://a.test/\n    parameters:\n"
    "      type: object\n      properties: {a: {type: string%s}}\n"
)

MISSING = {
    "a credential": ("agent: {key: {credential: api-key}}\n", "agent.key", True),
    "an environment variable": ("agent: {key: {env: VOICED_NOT_SET}}\n", "agent.key", True),
    "a key file": ("agent: {key: {file: /nope/key}}\n", "agent.key", True),
    "a broker's password": (
        AGENT + "mqtt: {host: localhost, username: a, password: {file: /nope}}\n",
        "mqtt.password",
        True,
    ),
    "certificates": (AGENT + "network: {ca_file: /nope.pem}\n", "network.ca_file", True),
    "a page's certificate": (
        AGENT + "kiosk: {certificate: /nope.pem, key: /nope.key}\n",
        "kiosk.certificate",
        False,
    ),
    "certificates for settings": (
        AGENT + "remote: {url: 'https://a.test/x', ca_file: /nope.pem}\n",
        "remote.ca_file",
        False,
    ),
    "certificates for a server of tools": (
        AGENT + "mcp: {x: {url: 'https://a.test/', ca_file: /nope.pem}}\n",
        "mcp.x.ca_file",
        False,
    ),
    "a sound file": (
        AGENT + "audio: {capture: {device: 'wav:/nope.wav'}}\n",
        "audio.capture.device",
        False,
    ),
    "a folder of sounds": (AGENT + "sounds: {directory: /nope}\n", "sounds.directory", False),
    "a program": (
        AGENT
        + "command_tools: {x: {description: d, argv: [/nope/program], parameters: {type: object}}}\n",
        "command_tools.x.argv[0]",
        False,
    ),
    "a server's program": (
        AGENT + "mcp: {x: {command: [/nope/program]}}\n",
        "mcp.x.command[0]",
        False,
    ),
    "a program for tokens": (
        AGENT.replace("}", ", token: {command: [/nope/program]}}"),
        "agent.token.command[0]",
        False,
    ),
    "a header's secret": (
        AGENT + "mcp: {x: {url: 'https://a.test/', headers: {Authorization: {file: /nope}}}}\n",
        "mcp.x.headers.Authorization",
        False,
    ),
    "the library for arguments": (AGENT + TOOL % "", "http_tools.x.parameters", True),
    "the library for patterns": (
        AGENT + TOOL % ", maxLength: 5, pattern: a+",
        "http_tools.x.parameters.properties.a.pattern",
        True,
    ),
    "the SDK for servers": (AGENT + "mcp: {x: {url: 'https://a.test/'}}\n", "mcp", False),
}
"""What is written, where, and whether the daemon cannot do its work without."""


@pytest.fixture
def written(request, tmp_path, monkeypatch):
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    for name, room in (("arguments", parameters), ("patterns", safe_regex), ("servers", mcp)):
        if name in request.param:
            monkeypatch.setattr(room, "find_spec", lambda _: None)
    text, where, is_vital = MISSING[request.param]
    path = tmp_path / "voiced.yaml"
    path.write_text(text)
    return path, where, is_vital


@pytest.mark.parametrize("written", MISSING, indirect=True)
def test_what_is_only_missing_here_is_a_warning(written, capsys):
    path, where, is_vital = written
    assert main(["config", "check", str(path)]) == 0
    out, err = capsys.readouterr()
    assert f": {where}: " in err
    assert all(line.startswith("warning: ") for line in err.splitlines())
    assert out == f"{path}: ok{', but not on this machine' if is_vital else ''}\n"


@pytest.mark.parametrize("written", MISSING, indirect=True)
def test_where_it_matters_it_is_an_error(written, capsys):
    path, where, _ = written
    assert main(["config", "check", "--here", str(path)]) == 78
    out, err = capsys.readouterr()
    assert any(line.startswith(str(path)) and f": {where}: " in line for line in err.splitlines())
    assert out == ""


@pytest.mark.parametrize("written", MISSING, indirect=True)
def test_the_service_goes_without_what_it_can_do_without(written):
    path, where, is_vital = written
    found = examine(path, catalogue())
    assert (found.settings is None) is is_vital
    assert any(f": {where}: " in str(each) for each in found.missing)
    assert found.mistakes == ()


@pytest.mark.parametrize("written", MISSING, indirect=True)
def test_a_mistake_beside_it_is_one(written, capsys):
    path, *_ = written
    path.write_text(path.read_text() + "lgo: {}\n")
    assert main(["config", "check", str(path)]) == 78
    err = capsys.readouterr().err
    assert ": lgo: unknown key; did you mean log?" in err
    assert err.count("unknown key") == 1


def test_a_right_file_is_shown_where_its_key_is_not(tmp_path, capsys):
    path = tmp_path / "voiced.yaml"
    path.write_text(MISSING["a key file"][0])
    for options in ([], ["--origin"]):
        assert main(["config", "show", *options, str(path)]) == 0
        out, err = capsys.readouterr()
        assert "key:" in out
        assert err.startswith("warning: ")


@pytest.mark.parametrize(("options", "code"), [([], 0), (["--here"], 78)])
def test_a_fleet_file_is_checked_over_a_devices_own_on_any_machine(options, code, tmp_path, capsys):
    own, fleet = tmp_path / "own.yaml", tmp_path / "fleet.yaml"
    own.write_text(MISSING["a credential"][0])
    fleet.write_text("revision: 1\nlog: {level: debug}\n")
    assert main(["config", "check", str(fleet), "--own", str(own), *options]) == code
    err = capsys.readouterr().err
    assert err.count("agent.key") == 1
    assert err.startswith("warning: ") is (code == 0)


def test_a_mistake_in_the_own_file_is_one_for_a_fleet_file_too(tmp_path, capsys):
    own, fleet = tmp_path / "own.yaml", tmp_path / "fleet.yaml"
    own.write_text(MISSING["a credential"][0] + "lgo: {}\n")
    fleet.write_text("revision: 1\nlog: {level: debug}\n")
    assert main(["config", "check", str(fleet), "--own", str(own)]) == 78
    assert "lgo: unknown key" in capsys.readouterr().err
