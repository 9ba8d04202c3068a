"""Every command that prints what others said prints it so that a terminal only shows it (cli/printing.py)."""

import asyncio
import http.server
import io
import itertools
import json
import shutil
import socketserver
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.house.repository import ROOT
from voiced.agents.codec import Caption
from voiced.cli import COMMANDS, main
from voiced.cli import doctor as doctor_command
from voiced.cli.demo.screen import PlainLines, Screen
from voiced.doctor.finding import fail, ok
from voiced.lib.environment import CONTROL_SOCKET
from voiced.lib.printable import shown

FORGED = "FORGED by somebody else"
TEXT = (
    f"a\x1b[2J\x1b]0;owned\x07\u202eevil\u2066\n{FORGED}\n\r\tb\x7f\x85\x9b31m\u2028\u2029\u200f"
    "\U000e0041\ufeff\xad \u00e9\u00a0\u3042\U0001f600"
)
"""Everything that a terminal obeys, and some letters that it should show."""

WORDS = f"{TEXT}\ud800\x00"
"""The same with what a settings file cannot hold."""

LETTERS = "\u00e9\u00a0\u3042\U0001f600"

SIGHT = {
    "name": WORDS,
    "status": WORDS,
    "phase": WORDS,
    "since": WORDS,
    "muted": False,
    "volume": WORDS,
    "microphone": WORDS,
    "speaker": WORDS,
    "version": WORDS,
    "faults": [{"name": WORDS, "reason": WORDS, "failures": 3, "runs": False}],
    "settings": {
        "revision": WORDS,
        "digest": WORDS,
        "on_trial": True,
        "waiting": [WORDS],
        "complaint": WORDS,
        "server": {"error": WORDS},
        "taken_back": {"revision": WORDS, "reason": WORDS},
    },
}
ANSWERS = {
    "/status": SIGHT,
    "/events": SIGHT,
    "/transcript": {"lines": [{"at": 1.0, "speaker": WORDS, "text": WORDS}]},
    "/kiosk": {"links": [WORDS], "open": False},
    "/reload": {"lines": [WORDS], "error": WORDS},
}
ASKING = [
    *(["status"], ["status", "--json"], ["status", "--watch"], ["status", "--watch", "--json"]),
    *(["transcript"], ["transcript", "--json"], ["kiosk"], ["reload"], ["reload", "--remote"]),
    *(["mute"], ["volume", "5"]),
]
SILENT = [["talk"], ["end"], ["say", "x"]]
"""They print only why they could not."""


class Daemon(socketserver.ThreadingUnixStreamServer):
    """Answers every question with foreign words; or refuses, or talks nonsense."""

    daemon_threads = True

    def __init__(self, path):
        self.status, self.body = 200, None
        super().__init__(str(path), self._answering())

    def _answering(self):
        daemon = self

        class Answering(http.server.BaseHTTPRequestHandler):
            def answer(self):
                told = ANSWERS.get(self.path.partition("?")[0], SIGHT)
                body = json.dumps(told).encode() + b"\n" if daemon.body is None else daemon.body
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(daemon.status)
                self.end_headers()
                with suppress(BrokenPipeError):  # who asked may have had enough
                    self.wfile.write(body)

            do_GET = do_POST = answer  # noqa: N815 - as the library calls them

            def address_string(self):
                return ""

            def log_message(self, *_):
                pass

        return Answering


@pytest.fixture
def daemon(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    with Daemon(tmp_path / CONTROL_SOCKET) as answering:
        thread = threading.Thread(target=answering.serve_forever, args=(0.01,))
        thread.start()
        yield answering
        answering.shutdown()
        thread.join()


def check(printed):
    """Make sure that a terminal only shows it, and that it is there."""
    assert printed
    for line in printed.removesuffix("\n").split("\n"):
        assert not line.strip().startswith(FORGED)
        bad = {char for char in line if not char.isprintable() and char != "\u00a0"}
        assert not bad, (bad, line)
        line.encode()


def printed_by(capfd, arguments):
    code = main(arguments)
    out, err = capfd.readouterr()
    for printed in filter(None, (out, err)):
        check(printed)
    return code, out + err


@pytest.mark.parametrize("arguments", ASKING, ids=" ".join)
def test_what_a_daemon_answers_is_printed_safe(daemon, capfd, arguments):
    code, printed = printed_by(capfd, arguments)
    assert code == (78 if "reload" in arguments else 0)
    if "--json" in arguments:
        assert json.loads(printed) in (*ANSWERS.values(), ANSWERS["/transcript"]["lines"][0])
    else:
        assert LETTERS in printed
        assert r"\u001b[2J" in printed


@pytest.mark.parametrize("arguments", ASKING + SILENT, ids=" ".join)
def test_why_a_daemon_refuses_is_printed_safe(daemon, capfd, arguments):
    daemon.status, daemon.body = 409, json.dumps({"error": WORDS}).encode()
    code, printed = printed_by(capfd, arguments)
    assert code == 1
    assert LETTERS in printed


NONSENSE = [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b'"' + WORDS[:5].encode() + b'"', b"null"]


@pytest.mark.parametrize("body", NONSENSE, ids=range(len(NONSENSE)))
def test_what_is_no_answer_is_told(daemon, capfd, body):
    for daemon.status, arguments in itertools.product((200, 409), ASKING):
        daemon.body = body
        if not (body == b"" and "--watch" in arguments):  # where it may end at once
            assert printed_by(capfd, arguments)[0] == 69


def test_an_answer_without_end_is_not_read_for_ever(daemon, capfd, monkeypatch):
    monkeypatch.setattr("voiced.cli.client.MOST_BYTES", 100_000)
    for body in (b" " * 10_000_000, b'{"lines": [' + b"0," * 5_000_000):
        daemon.body = body
        for arguments in ASKING:
            assert printed_by(capfd, arguments)[0] == 69


def settings(folder, more):
    path = folder / "voiced.yaml"
    path.write_text(f"version: 1\nagent: {{url: 'ws://127.0.0.1:9/'}}\n{more}", encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("more", ["{}: 1\n", "device: {{name: {}}}\n", "audio: {{{}: {}}}\n"])
@pytest.mark.parametrize(
    "arguments",
    [["config", "check"], ["config", "show"], ["config", "show", "--origin"], ["config", "diff"]],
    ids=" ".join,
)
def test_what_a_settings_file_says_is_printed_safe(tmp_path, capfd, monkeypatch, more, arguments):
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    foreign = json.dumps(TEXT)
    path = settings(tmp_path, more.format(foreign, foreign))
    printed_by(capfd, [*arguments, path])
    printed_by(capfd, [*arguments, str(tmp_path / WORDS[:30].replace("\0", ""))])


def test_every_setting_that_holds_foreign_words_is_shown_safe(tmp_path, capfd, monkeypatch):
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    prompt = json.dumps(TEXT)
    session = f"agent: {{url: 'ws://127.0.0.1:9/', session: {{system_prompt: {prompt}}}}}\n"
    (tmp_path / "voiced.yaml").write_text("version: 1\n" + session, encoding="utf-8")
    for more in ([], ["--origin"]):
        printed_by(capfd, ["config", "show", str(tmp_path / "voiced.yaml"), *more])


def test_what_tools_are_and_answer_is_printed_safe(tmp_path, capfd):
    program = tmp_path / "program"
    program.write_text(
        f"#!{sys.executable}\nprint({TEXT.replace(chr(27), '').replace(chr(7), '')!r})\n"
    )
    program.chmod(0o755)
    text = json.dumps(TEXT)
    path = settings(
        tmp_path,
        f"command_tools: {{speak: {{description: {text}, argv: [{program}]}}}}\n",
    )
    printed_by(capfd, ["tools", "list", "--config", path])
    printed_by(capfd, ["tools", "call", "speak", "--config", path])
    printed_by(capfd, ["tools", "call", WORDS.replace("\0", ""), "--config", path])


def test_what_a_sound_card_is_called_is_printed_safe(tmp_path, capfd, monkeypatch):
    machine = tmp_path / "asound"
    shutil.copytree(Path(__file__).parents[1] / "devices" / "sound" / "asound" / "jabra", machine)
    name = TEXT.replace("\n", "").replace("\r", "")
    named = (machine / "cards").read_text().replace("Jabra SPEAK", name)
    (machine / "cards").write_text(named, encoding="utf-8")
    monkeypatch.setattr("voiced.devices.sound.cards.list_cards.__defaults__", (machine,))
    for arguments in (["devices"], ["devices", "--json"]):
        code, printed = printed_by(capfd, arguments)
        assert code == 0
        assert LETTERS in printed or json.dumps(LETTERS).strip('"') in printed


@pytest.mark.parametrize("as_json", [True, False])
def test_what_a_check_found_is_printed_safe(tmp_path, capfd, monkeypatch, as_json):
    async def check_up(_wanted):
        yield ok("sound", WORDS)
        yield fail("agent", WORDS, WORDS)

    monkeypatch.setattr(doctor_command, "check_up", check_up)
    asyncio.run(doctor_command._examine(None, as_json=as_json))
    out, _ = capfd.readouterr()
    check(out)
    assert LETTERS in json.loads(out)["checks"][0]["text"] if as_json else LETTERS in out


@pytest.mark.parametrize("view", [PlainLines, lambda out: Screen("hint", out)])
def test_what_is_said_in_a_demo_is_printed_safe(view):
    out = io.StringIO()
    view = view(out)
    for final in (False, True):
        view.caption(Caption("agent", WORDS, final=final))
    view.line(WORDS)
    ours = ("\x1b[J", "\x1b[1A\r")
    printed = out.getvalue()
    for each in ours:
        printed = printed.replace(each, "")
    check(printed)


def test_no_command_is_forgotten():
    """The demo and the daemon have tests of their own words; journalctl shows what the log's formatter made."""
    tried = {arguments[0] for arguments in ASKING + SILENT}
    elsewhere = {"config", "tools", "devices", "doctor", "demo", "run", "logs"}
    assert tried | elsewhere == set(COMMANDS)


PRINTING = {"cli/printing.py", "cli/demo/screen.py"}


def test_nothing_else_writes_to_a_terminal(measured):
    """The linter forbids `print` elsewhere; this, to go round it."""
    room = ROOT / "daemon" / "voiced"
    files = [path for path in room.rglob("*.py") if str(path.relative_to(room)) not in PRINTING]
    for path in files:
        text = path.read_text(encoding="utf-8")
        for forbidden in ("print(", "stdout.write", "stderr.write", "writelines(", "T201"):
            found = [line for line in text.splitlines() if forbidden in line]
            assert [line for line in found if "pprint" not in line] == [], path
    measured(f"{len(files)} modules print nothing by themselves")


@given(st.text())
def test_whatever_is_shown_is_one_line_of_visible_characters(text):
    line = shown(text)
    assert all(char.isprintable() or char.isspace() or char in "\u200c\u200d" for char in line)
    assert not set(line) & {*map(chr, range(32)), *map(chr, range(0x7F, 0xA0)), "\u2028", "\u2029"}
    line.encode()


@given(st.recursive(st.text() | st.integers(), st.lists, max_leaves=5))
def test_json_means_the_same_when_it_is_shown(value):
    assert json.loads(shown(json.dumps(value, ensure_ascii=False))) == value


@pytest.mark.uncovered
def test_every_character_is_tried(measured):
    escapes = {}
    for char in map(chr, range(sys.maxunicode + 1)):
        line = shown(char)
        if line != char:
            escapes[char] = line
            assert line.isascii()
            assert line.isprintable()
    read = json.loads("[" + ",".join(f'"{line}"' for line in escapes.values()) + "]")
    for char, again in zip(escapes, read, strict=True):
        assert again == char
    measured(f"{sys.maxunicode + 1} characters: {len(escapes)} are written as escapes")
