"""Every mistake gives one clear line with file and line number, and exit code 78."""

import os
import subprocess
import sys

import pytest

from tests.unit.config.samples import problems
from voiced.cli import main

KEY = "agent: {key: {credential: api-key}}\n"
LOCAL = "agent: {url: 'ws://localhost'}\n"

# What is written, the line to blame, the rest of what must be said.
MISTAKES = {
    "unknown section": (KEY + "devise: {name: a}\n", 2, "devise: unknown key; did you mean device?"),
    "unknown key": ("agent:\n  key: {credential: api-key}\n  ulr: x\n", 3, "agent.ulr: unknown key; did you mean url?"),
    "key in the wrong section": (KEY + "volume: 3\n", 2, "volume: unknown key; did you mean audio.playback.volume?"),
    "key like no other": (KEY + "log: {qqq: 1}\n", 2, "log.qqq: unknown key; choose one of level"),
    "key written twice": (KEY + "log: {level: info}\n\nlog: {level: info}\n", 4, "log: already set on line 2; remove one of them"),
    "section without keys": (KEY + "log: debug\n", 2, "log: expected keys and values, got text; write `key: value` lines"),
    "section as a list": (KEY + "log: [debug]\n", 2, "log: expected keys and values, got a list"),
    "file is a list": ("- a\n", 1, "expected keys and values, got a list"),
    "file is a word": ("hello\n", 1, "expected keys and values, got text"),
    "other version": (KEY + "version: 2\n", 2, "version: expected 1, got 2"),
    "truth for a version": (KEY + "version: true\n", 2, "version: expected 1, got true"),
    "fraction for a version": (KEY + "version: 1.0\n", 2, "version: expected 1, got 1.0"),
    "quoted version": (KEY + "version: '1'\n", 2, "version: expected 1, got text; write it without quotes"),
    "text for a number": (KEY + "audio:\n  playback:\n    volume: loud\n", 4, "audio.playback.volume: expected a whole number from 0 to 100, got text"),
    "quoted number": (KEY + "wake: {idle_timeout_s: '30'}\n", 2, "wake.idle_timeout_s: expected a number from 5 to 3600, got text; write it without quotes"),
    "fraction for a whole number": (KEY + "audio: {playback: {volume: 7.5}}\n", 2, "audio.playback.volume: expected a whole number from 0 to 100, got 7.5"),
    "too large": (KEY + "audio: {playback: {volume: 101}}\n", 2, "audio.playback.volume: expected a whole number from 0 to 100, got 101"),
    "too small": (KEY + "audio: {capture: {channel: -1}}\n", 2, "audio.capture.channel: expected a whole number from 0 to 31, got -1"),
    "octal": (KEY + "audio: {capture: {channel: 010}}\n", 2, "audio.capture.channel: expected a whole number from 0 to 31, got text; write it without leading zeros"),
    "sexagesimal": (KEY + "wake: {idle_timeout_s: 1:30}\n", 2, "wake.idle_timeout_s: expected a number from 5 to 3600, got text; write one number; the key says in which unit"),
    "unit": (KEY + "wake: {idle_timeout_s: 30 s}\n", 2, "wake.idle_timeout_s: expected a number from 5 to 3600, got text; write one number; the key says in which unit"),
    "not a number": (KEY + "wake: {idle_timeout_s: .nan}\n", 2, "wake.idle_timeout_s: expected a number from 5 to 3600, got text"),
    "infinity": (KEY + "wake: {idle_timeout_s: 1e999}\n", 2, "wake.idle_timeout_s: expected a number from 5 to 3600, got text"),
    "truth for a number": (KEY + "wake: {idle_timeout_s: true}\n", 2, "wake.idle_timeout_s: expected a number from 5 to 3600, got true"),
    "yes for true": ("agent:\n  key: {credential: api-key}\n  eager_tools: yes\n", 3, "agent.eager_tools: expected true or false, got text; write true or false, without quotes"),
    "number for text": (KEY + "audio: {capture: {device: 2886}}\n", 2, "audio.capture.device: expected a sound device as `voiced devices` names it, got 2886; put it into quotes"),
    "mapping for text": (KEY + "device: {name: {a: 1}}\n", 2, "device.name: expected a name of letters, digits, dots, dashes, got keys and values\n"),
    "nothing for text": (KEY + "device: {name: }\n", 2, "device.name: expected a name of letters, digits, dots, dashes, got nothing; give it a value or remove the key"),
    "bad name": (KEY + "device: {name: my kitchen}\n", 2, "device.name: expected a name of letters, digits, dots, dashes, got other text"),
    "blank at the end": (KEY + 'device: {name: "kitchen\\n"}\n', 2, "device.name: begins or ends with a blank; remove it"),
    "unknown choice": (KEY + "wake: {mode: buton}\n", 2, "wake.mode: expected one of button, hold_to_talk, always, got other text; did you mean button?"),
    "unknown protocol": ("agent:\n  key: {credential: api-key}\n  protocol: assembly\n", 3, "agent.protocol: unknown protocol; did you mean assemblyai?"),
    "bad session": ("agent:\n  key: {credential: api-key}\n  session:\n    sistem_prompt: x\n", 4, "agent.session.sistem_prompt: "),
    "session is a list": ("agent:\n  key: {credential: api-key}\n  session: [a]\n", 3, "agent.session: expected keys and values, got a list\n"),
    "secret in the file": ("agent:\n  key: 0123456789abcdef\n", 2, "agent.key: a secret must not be in this file; put it in a file of its own and write {file: PATH}"),
    "reference of no kind": ("agent:\n  key: {path: /x}\n", 2, "agent.key: not a reference to a secret; write {credential: NAME}, {file: PATH} or {env: NAME}"),
    "two references": ("agent:\n  key: {file: /x, env: X}\n", 2, "agent.key: not a reference to a secret"),
    "relative secret file": ("agent:\n  key: {file: key.txt}\n", 2, "agent.key: file needs an absolute path"),
    "secret as variable name": ("agent:\n  key: {env: abc123}\n", 2, "agent.key: env needs the name of an environment variable, in capitals"),
    "missing secret file": ("agent:\n  key: {file: /nonexistent/key}\n", 2, "agent.key: {file: /nonexistent/key} does not exist; create it with the secret as its only line"),
    "missing credential": ("agent:\n  key: {credential: other}\n", 2, "agent.key: {credential: other} does not exist; add `LoadCredential=other:/etc/voiced/other` to the service"),
    "unset variable": ("agent:\n  key: {env: VOICED_NO_SUCH}\n", 2, "agent.key: {env: VOICED_NO_SUCH} is not set; set VOICED_NO_SUCH for the service"),
    "no key": ("agent:\n  auth: bearer\n", 1, "agent.key: missing; write `key: {credential: api-key}`"),
    "no agent": ("version: 1\n", 1, "agent.key: missing"),
    "token without key": ("agent:\n  url: ws://[::1]:80\n  auth: token\n", 3, "agent.auth: a key is needed to fetch a token; set agent.key, or remove it"),
    "unencrypted": ("agent:\n  key: {credential: api-key}\n  url: ws://127.example.org\n", 3, "agent.url: not encrypted; write wss://; ws:// is for this machine only"),
    "wrong scheme": ("agent:\n  key: {credential: api-key}\n  url: https://example.org\n", 3, "agent.url: assemblyai needs an address that begins with wss://; correct it"),
    "no address": ("agent:\n  protocol: workbuddy\n  key: {credential: api-key}\n", 2, "agent.protocol: workbuddy has no address of its own: agent.url is missing; write `url: https://"),
    "bad port": ("agent:\n  key: {credential: api-key}\n  url: wss://example.org:x/\n", 3, "agent.url: not an address; write wss://host/path"),
    "password in an address": ("agent:\n  key: {credential: api-key}\n  url: wss://a:b@example.org/\n", 3, "agent.url: contains a user name, password or token; take it out of the address"),
    "token in an address": ("agent:\n  key: {credential: api-key}\n  url: wss://example.org/?token=b\n", 3, "agent.url: contains a user name, password or token"),
    "password in a proxy": (KEY + "network: {proxy: 'http://a:b@example.org/'}\n", 2, "network.proxy: contains a user name, password or token; set HTTPS_PROXY for the service"),
    "no certificates": (KEY + "network: {ca_file: /nonexistent}\n", 2, "network.ca_file: no such file; put the certificates there"),
    "replay past resume": (KEY + "network: {resume_window_s: 5}\n", 2, "network.replay_s: longer than network.resume_window_s (5 s); make it shorter"),
    "unknown tool": (KEY + "tools:\n- get_time\n- get_tim\n", 4, "tools[1]: unknown tool; did you mean get_time?"),
    "tool listed twice": (KEY + "tools:\n- get_time\n- get_time\n", 4, "tools[1]: listed twice; remove one of them"),
    "tools not text": (KEY + "tools: [1]\n", 2, "tools[0]: expected text, got 1; put it into quotes"),
    "button without pin": (KEY + "button:\n  press: talk\n", 2, "button.pin: missing; it must be a whole number from 0 to 27"),
    "button without pin's value": (KEY + "button:\n  pin:\n", 3, "button.pin: expected a whole number from 0 to 27, got nothing"),
    "press and hold alike": (KEY + "button: {pin: 1, press: mute, hold: mute}\n", 2, "button.hold: does the same as button.press; choose another, or none"),
    "hold has two meanings": (KEY + "wake: {mode: hold_to_talk}\nbutton:\n  pin: 1\n  hold: mute\n", 5, "button.hold: has no effect with `wake.mode: hold_to_talk`: holding the button talks; remove it"),
    "hold to talk without a button": (KEY + "wake: {mode: hold_to_talk}\n", 2, "wake.mode: there is no button; write `button: {pin: 17}`"),
    "double press in hold to talk": (KEY + "wake: {mode: hold_to_talk}\nbutton:\n  pin: 1\n  hold: none\n  double: mute\n", 6, "button.double: has no effect with `wake.mode: hold_to_talk`: holding the button talks; remove it"),
    "double press like a press": (KEY + "button: {pin: 1, double: talk}\n", 2, "button.double: does the same as another gesture; choose another, or none"),
    "volume button without pin": (KEY + "buttons:\n  volume_up: {}\n", 3, "buttons.volume_up.pin: missing; it must be a whole number from 0 to 27"),
    "two buttons on one pin": (KEY + "buttons:\n  mute: {pin: 2}\n  volume_up: {pin: 2}\n", 3, "buttons.mute.pin: pin 2 is buttons.volume_up.pin already; use another pin"),
    "sounds in a relative folder": (KEY + "sounds: {directory: sounds}\n", 2, "sounds.directory: expected an absolute path, got other text"),
    "light that fades": (KEY + "led: {pin: 25, dims: true}\n", 2, "led.dims: unknown key; remove it: a light no longer fades, it is on or off"),
    "light of both kinds": (KEY + "led: {pin: 1, red: 2}\n", 2, "led: has both one pin and pins for colours; keep one or the other"),
    "light lacks a colour": (KEY + "led: {red: 1, green: 2}\n", 2, "led: needs `pin`, or all of `red`, `green` and `blue`; add them"),
    "pin used twice": (KEY + "button: {pin: 4}\nled:\n  pin: 4\n", 4, "led.pin: pin 4 is button.pin already; use another pin"),
    "remote placeholder": (KEY + "remote: {url: 'https://a.test/{id}'}\n", 2, "remote.url: an unknown placeholder; use {name}"),
    "remote key": (KEY + "remote: {url: 'https://a.test/', public_key: RWQ}\n", 2, "remote.public_key: not a public key of minisign; copy"),
    "remote key of another kind": (KEY + f"remote: {{url: 'https://a.test/', public_key: {'A' * 56}}}\n", 2, "remote.public_key: not a public"),
    "remote allow": (KEY + "remote: {url: 'https://a.test/', allow: [agent.url, agent.uri]}\n", 2, "remote.allow[1]: no such setting"),
    "remote unencrypted": (KEY + "remote: {url: 'http://example.org/'}\n", 2, "remote.url: not encrypted; write https://"),
    "page without a port": (KEY + "kiosk: {listen: '0.0.0.0:99999'}\n", 2, "kiosk.listen: no such port; choose one from 1 to 65535"),
    "figures for everybody": (KEY + "metrics: {listen: '0.0.0.0:9464'}\n", 2, "metrics.listen: open to the network without a token; write `token: {file: PATH}`, or listen"),
    "figures at the page's port": (KEY + "kiosk: {listen: '127.0.0.1:9'}\nmetrics: {listen: '127.0.0.1:9'}\n", 3, "metrics.listen: the page is served there; choose another port"),
    "figures' token absent": (KEY + "metrics: {token: {file: /nonexistent}}\n", 2, "metrics.token: {file: /nonexistent} does not exist; create it"),
    "broker without an address": (KEY + "mqtt: {}\n", 2, "mqtt.host: missing; it must be the name or address of a host"),
    "client's key without its certificate": (KEY + "mqtt: {host: h, key: /etc/passwd}\n", 2, "mqtt.certificate: missing; a client needs both certificate and key"),
    "broker with its port": (KEY + "mqtt: {host: 'broker.local:1883'}\n", 2, "mqtt.host: contains a port; write the name alone, and the port as `port:` below it"),
    "page's name with a port": (KEY + "kiosk: {names: ['a.example:8443']}\n", 2, "kiosk.names[0]: contains a port; write the name alone"),
    "broker's password without a user": (KEY + "mqtt: {host: h, password: {env: PATH}}\n", 2, "mqtt.password: has no user name; set mqtt.username as well"),
    "broker's certificates of no use": (KEY + "mqtt: {host: h, tls: false, ca_file: /etc/passwd}\n", 2, "mqtt.ca_file: has no effect without tls; remove it"),
    "who may read along": (KEY + "privacy: {captions: all}\n", 2, "privacy.captions: expected one of nobody, device, network"),
    "not YAML": (KEY + "log: {level: info\n", 3, "not valid YAML: "),
    "tab": ("agent:\n\tkey: 1\n", 2, "not valid YAML: found character that cannot start any token; indent with spaces"),
    "colon in text": ("agent: key: value\n", 1, "not valid YAML: mapping values are not allowed in this context; put text that holds \": \" into quotes"),
    "bad indentation": ("agent:\n   url: a\n  key: b\n", 3, "not valid YAML: did not find expected key (in what begins on line 1); check"),
    "two documents": (KEY + "---\n" + KEY, 2, "a second document begins here; remove the line `---`"),
    "tag": (KEY + "log: !!python/none x\n", 2, "tags (!) mean nothing here"),
    "alias of nothing": (KEY + "log: *x\n", 2, "an alias (*) without its anchor (&)"),
    "alias of itself": (KEY + "log: &x [*x]\n", 2, "an alias (*) without its anchor (&)"),
    "key is a list": (KEY + "? [a]\n: b\n", 2, "a key must be a plain word"),
    "nested too deeply": (KEY + "log: " + "[" * 40 + "]" * 40, 2, "nested more than 16 deep"),
    "control character": (KEY + "log: \x07\n", 2, "contains the control character U+0007 at position 6; remove it"),
    "Latin-1": (KEY.encode() + b"device: {name: k\xfcche}\n", 2, "not UTF-8 text; save the file as UTF-8"),
}  # fmt: skip


@pytest.fixture(autouse=True)
def credentials(tmp_path, monkeypatch):
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "api-key").write_text("secret-0123456789\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
    monkeypatch.delenv("VOICED_NO_SUCH", raising=False)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_gives_one_clear_line_and_exit_code_78(mistake, tmp_path, capsys):
    written, line, said = MISTAKES[mistake]
    path = tmp_path / "voiced.yaml"
    path.write_bytes(written if isinstance(written, bytes) else written.encode())
    assert main(["config", "check", "--here", str(path)]) == 78
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith(f"{path}:{line}: {said}")


def test_a_missing_file_gives_one_clear_line(tmp_path, capsys):
    path = tmp_path / "absent.yaml"
    assert main(["config", "check", str(path)]) == 78
    assert capsys.readouterr().err == (
        f"{path}: cannot be read (No such file or directory); check the path\n"
    )


def test_a_huge_file_gives_one_clear_line(tmp_path, capsys):
    path = tmp_path / "huge.yaml"
    path.write_bytes(b"# x\n" * 70_000)
    assert main(["config", "check", str(path)]) == 78
    assert capsys.readouterr().err == f"{path}: larger than 256 KiB; is it the right file?\n"


def test_a_file_that_expands_to_millions_of_values_is_refused_at_once():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    [only] = problems("\n".join(lines))
    assert only == "f.yaml:4: more than 10000 values; is it the right file?"


def test_all_mistakes_of_a_file_are_told_at_once_in_the_order_of_its_lines():
    text = "log: {level: x}\ntools: [x]\nagent: {key: x}\nversion: 3\nxyz: 1\ndevice: {name: '?'}\n"
    places = [problem.split(": ")[:2] for problem in problems(text)]
    assert places == [
        ["f.yaml:1", "log.level"],
        ["f.yaml:2", "tools[0]"],
        ["f.yaml:3", "agent.key"],
        ["f.yaml:4", "version"],
        ["f.yaml:5", "xyz"],
        ["f.yaml:6", "device.name"],
    ]


def test_a_value_from_an_alias_is_blamed_on_the_line_that_uses_it():
    [only] = problems(LOCAL + "device: &d {name: ok}\nlog: *d\n")
    assert only.startswith("f.yaml:3: log.name: unknown key")


def test_the_text_of_a_key_that_may_be_a_secret_is_not_repeated():
    [only] = problems(LOCAL + "0123456789abcdef0123456789abcdef: x\n")
    assert only.startswith("f.yaml:2: …: unknown key; choose one of version, ")


def test_the_command_itself_exits_78_with_one_line(tmp_path):
    path = tmp_path / "voiced.yaml"
    path.write_text("agent: {key: {file: /nonexistent/key}}\n")
    command = [sys.executable, "-m", "voiced", "config", "check", "--here", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.splitlines() == [
        f"{path}:1: agent.key: {{file: /nonexistent/key}} does not exist; "
        "create it with the secret as its only line"
    ]
