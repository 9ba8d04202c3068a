"""`voiced tools` as people run it."""

import json
import subprocess
import sys
import time

import pytest

SETTINGS = """\
agent: {key: {credential: not-for-this-user}}
tools: [get_time, set_volume]
command_tools:
  say_back:
    description: >-
      Say a word
      back.
    parameters: {properties: {word: {type: string, maxLength: 5}}, required: [word]}
    argv: [/bin/echo, "<{word}>"]
  read: {description: Read., argv: [/bin/cat]}
  sleep: {description: Take a nap., argv: [/bin/sleep, "600"], timeout_s: 1}
http_tools:
  look_up: {description: Look it up., url: "http://127.0.0.1:1/"}
"""


@pytest.fixture
def tools(tmp_path):
    path = tmp_path / "voiced.yaml"

    def run(*arguments, settings=SETTINGS):
        path.write_text(settings)
        command = [sys.executable, "-m", "voiced", "tools", *arguments, "--config", path]
        return subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=60, input="sekrit"
        )

    return run


def test_every_tool_is_listed_with_its_kind_and_what_it_does(tools):
    done = tools("list")
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line.split(maxsplit=2) for line in done.stdout.splitlines()]
    assert [row[:2] for row in rows] == [
        ["get_time", "built-in"],
        ["set_volume", "built-in"],
        ["look_up", "http"],
        ["say_back", "command"],
        ["read", "command"],
        ["sleep", "command"],
    ]
    assert rows[3][2] == "Say a word back."


def test_whoever_stops_reading_the_list_gets_no_traceback(tmp_path):
    path = tmp_path / "voiced.yaml"
    path.write_text(SETTINGS)
    command = [sys.executable, "-u", "-m", "voiced", "tools", "list", "--config", path]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as reading:
        reading.stdout.close()
        assert reading.stderr.read() == ""


def test_a_call_prints_the_result_as_json(tools):
    done = tools("call", "say_back", '{"word": "hi"}')
    assert (done.returncode, done.stdout, done.stderr) == (0, '"<hi>"\n', "")
    assert json.loads(tools("call", "get_time").stdout).keys() >= {"time", "date"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["say_back"], "word is missing."),
        (["say_back", '{"word": "much too long"}'], "word is too long: it may have at most 5 characters."),
        (["say_back", '{"word": "a", "n": 1}'], "There is an unknown parameter. Known parameters: word."),
        (["look_up"], "The service behind look_up cannot be reached."),
        (["set_volume", '{"percent": 5}'], "set_volume works only in the running daemon"),
        (["get_tim"], "there is no tool with that name; did you mean get_time?"),
    ],
)  # fmt: skip
def test_a_call_that_fails_ends_with_the_sentence_the_agent_would_get(tools, arguments, sentence):
    done = tools("call", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1] == f"voiced: {sentence}"


def test_a_call_that_takes_too_long_is_ended(tools):
    began = time.monotonic()
    done = tools("call", "sleep")
    assert (done.returncode, done.stderr) == (
        1,
        "voiced: The program behind sleep took too long.\n",
    )
    assert time.monotonic() - began < 30


def test_a_program_does_not_read_what_is_typed(tools):
    assert tools("call", "read").stdout == '{"ok": true}\n'


@pytest.mark.parametrize("text", ["word=hi", "[1]", '"hi"'])
def test_arguments_that_are_no_json_object_are_an_error_of_usage(tools, text):
    done = tools("call", "say_back", text)
    assert (done.returncode, done.stdout) == (2, "")
    assert "write it like" in done.stderr


def test_tools_that_are_declared_wrongly_are_an_error_of_the_settings(tools):
    done = tools("list", settings=SETTINGS.replace("argv: [/bin/echo", "argv: [echo"))
    assert done.returncode == 78
    assert "command_tools.say_back.argv[0]: not a fixed absolute path" in done.stderr
