"""MCP servers that cannot work are found when the settings are read, with the line and what to do."""

import pytest

from tests.unit.config.test_tool_declarations import HEAD, WORKBUDDY, examined, mistakes
from voiced.config.load import secrets
from voiced.tools.mcp.validation import server

WEB = HEAD + "mcp:\n  home:\n    url: https://h.test/api/mcp\n"
PROGRAM = HEAD + "mcp:\n  home:\n    command: [/bin/true]\n"
BEARER = "    headers: {Authorization: {prefix: 'Bearer ', env: HOME}}\n"
IN_CLEAR = WEB.replace("https://h.test", "http://10.0.0.7:8123") + BEARER


@pytest.mark.parametrize(
    "text",
    [
        WEB,
        WEB + BEARER + "    allow: [HassTurnOn]\n    timeout_s: 240\n    ca_file: /etc/ssl/certs/ca-certificates.crt\n",
        WEB.replace("https://h.test", "http://10.0.0.7:8123"),
        IN_CLEAR.replace("10.0.0.7", "127.0.0.1"),
        PROGRAM,
        PROGRAM.replace("[/bin/true]", "[/bin/true, -m, '{x}', '']"),
        PROGRAM + "    environment: {PLACE: kitchen, API_KEY: {env: HOME}, N: {prefix: a=, env: HOME}}\n",
        WEB.replace("home:", "get_time:"),
    ],
)  # fmt: skip
def test_servers_that_can_work_pass(text):
    found = examined(text)
    assert [str(problem) for problem in found.problems] == []
    assert found.warnings == ()


# What is written, the line to blame, the rest of what must be said.
MISTAKES = {
    "no mapping": (HEAD + "mcp: [a]\n", 2, "mcp: expected servers by name, got a list"),
    "empty": (HEAD + "mcp:\n  home:\n", 3, "mcp.home: expected keys and values, got nothing; write `key: value` lines"),
    "a word": (HEAD + "mcp:\n  home: x\n", 3, "mcp.home: expected keys and values, got text; write `key: value` lines"),
    "name": (WEB.replace("home", "Home"), 3, "mcp.Home: not a valid name here; use small letters, digits and _, at most 16"),
    "long name": (WEB.replace("home", "h" * 17), 3, f"mcp.{'h' * 17}: not a valid name here"),
    "neither": (HEAD + "mcp:\n  home: {}\n", 3, "mcp.home: needs either `url` or `command`"),
    "both": (WEB + "    command: [/bin/true]\n", 3, "mcp.home: needs either `url` or `command`"),
    "unknown key": (WEB + "    header: {}\n", 5, "mcp.home.header: unknown key; did you mean headers?"),
    "address": (WEB.replace("https", "wss"), 4, "mcp.home.url: expected an address like https://host/path, got other text"),
    "user": (WEB.replace("h.test", "me:pw@h.test"), 4, "mcp.home.url: contains a user name or password"),
    "secret in clear": (IN_CLEAR, 4, "mcp.home.url: would send a secret over the network in clear; use https://; where there is none, `in_clear: true` allows it"),
    "secret in the file": (WEB + "    headers: {Authorization: Bearer 1}\n", 5, "mcp.home.headers.Authorization: a secret must not be in this file"),
    "secret in the environment": (PROGRAM + "    environment: {API_TOKEN: abc}\n", 5, "mcp.home.environment.API_TOKEN: a secret must not be in this file"),
    "reference": (PROGRAM + "    environment: {X: {path: /x}}\n", 5, "mcp.home.environment.X: not a reference to a secret"),
    "variable": (PROGRAM + "    environment: {A=B: x}\n", 5, "mcp.home.environment.…: not a valid name here; use letters, digits and _"),
    "number in the environment": (PROGRAM + "    environment: {A: 5}\n", 5, "mcp.home.environment.A: expected text of at most 4000 characters, or a reference, got 5; put it into quotes"),
    "list as environment": (PROGRAM + "    environment: [A]\n", 5, "mcp.home.environment: expected variables by name, got a list"),
    "environment at an address": (WEB + "    environment: {A: b}\n", 5, "mcp.home.environment: has no effect without command; remove it"),
    "headers of a program": (PROGRAM + "    headers: {A: b}\n", 5, "mcp.home.headers: has no effect without url; remove it"),
    "command as text": (PROGRAM.replace("[/bin/true]", "/bin/true"), 4, "mcp.home.command: expected a list of a program and its arguments, got text"),
    "empty command": (PROGRAM.replace("[/bin/true]", "[]"), 4, "mcp.home.command: expected a list of a program and its arguments, got an empty list"),
    "relative command": (PROGRAM.replace("/bin/true", "npx"), 4, "mcp.home.command[0]: not a fixed absolute path; write the full path of one program, like /usr/bin/uptime"),
    "zero byte": (PROGRAM.replace("[/bin/true]", r'[/bin/true, "a\0"]'), 4, "mcp.home.command[1]: contains the control character U+0000 at position 2; remove it"),
    "allow": (WEB + "    allow: HassTurnOn\n", 5, "mcp.home.allow: expected a list of at most 64 items, got text"),
    "prompt": (WEB + "    prompt: [Assist]\n", 5, "mcp.home.prompt: expected the name of a prompt, or true, got a list"),
    "number as a prompt": (WEB + "    prompt: 1\n", 5, "mcp.home.prompt: expected the name of a prompt, or true, got 1; put it into quotes"),
    "no prompt": (WEB + "    prompt: ''\n", 5, "mcp.home.prompt: expected the name of a prompt, or true, got an empty text"),
    "meta": (WEB + "    meta: x\n", 5, "mcp.home.meta: expected at most 16 values, got text"),
    "key of meta": (WEB + "    meta: {a b: x}\n", 5, "mcp.home.meta.…: not a valid name here; use one like example.org/name or name, with letters, digits, . - and _"),
    "two slashes in meta": (WEB + "    meta: {a/b/c: x}\n", 5, "mcp.home.meta.…: not a valid name here; use one like example.org/name or name, with letters, digits, . - and _"),
    "value of meta": (WEB + "    meta: {a: [x]}\n", 5, "mcp.home.meta.a: expected text of at most 200 characters, a whole number, true or false, got a list"),
    "long value of meta": (WEB + f"    meta: {{a: {'x' * 201}}}\n", 5, "mcp.home.meta.a: "),
    "reserved in meta": (WEB + "    meta: {progressToken: 1}\n", 5, "mcp.home.meta.progressToken: is reserved by MCP"),
    "reserved prefix in meta": (WEB + "    meta: {io.modelcontextprotocol/x: 1}\n", 5, "mcp.home.meta.…: is reserved by MCP"),
    "much meta": (WEB + f"    meta: {{{', '.join(f'a{n}: 1' for n in range(17))}}}\n", 5, "mcp.home.meta: expected at most 16 values, got 17 items"),
    "ca_file": (WEB + "    ca_file: ca.pem\n", 5, "mcp.home.ca_file: expected an absolute path, got other text"),
    "timeout": (WEB + "    timeout_s: 0.5\n", 5, "mcp.home.timeout_s: expected a whole number from 1 to 240, got 0.5"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line", "rest"), MISTAKES.values(), ids=MISTAKES)
def test_each_mistake_is_one_line_that_says_where_and_what_to_do(text, line, rest):
    [only] = mistakes(text)
    assert f"{only}\n".startswith(f"f.yaml:{line}: {rest}")


@pytest.mark.parametrize(
    ("text", "line", "rest"),
    [
        (PROGRAM.replace("/bin/true", "/nonexistent/x"), 4, "mcp.home.command[0]: no such program here; install it"),
        (PROGRAM.replace("/bin/true", "/etc"), 4, "mcp.home.command[0]: no such program here; install it"),
        (IN_CLEAR + "    in_clear: true\n", 6, "mcp.home.in_clear: anyone on the network can read the secret that is sent; give the server a certificate"),
        (WEB + "    headers: {X-Key: {file: /nonexistent/x}}\n", 5, "mcp.home.headers.X-Key: {file: /nonexistent/x} does not exist"),
        (WORKBUDDY + WEB.removeprefix(HEAD), 2, "mcp: has no effect: workbuddy takes no tools; remove it"),
    ],
)  # fmt: skip
def test_what_does_not_keep_the_device_from_talking_is_a_warning(text, line, rest):
    found = examined(text)
    assert found.problems == ()
    [warning] = found.warnings
    assert warning.startswith(f"f.yaml:{line}: {rest}")


def test_without_the_sdk_a_warning_says_what_to_install(monkeypatch):
    from voiced.tools.mcp import validation

    monkeypatch.setattr(validation, "find_spec", lambda _: None)
    assert examined(WEB).warnings == (
        "f.yaml:2: mcp: the MCP SDK is missing or too old; install voiced[mcp]",
    )


def test_secrets_are_found_read_late_and_shown_nowhere(tmp_path):
    key = tmp_path / "key"
    key.write_text("first\n")
    key.chmod(0o600)
    text = WEB + f"    headers: {{Authorization: {{prefix: 'Bearer ', file: {key}}}, A: b}}\n"
    found = examined(text)
    assert [secret.path() for _, secret in secrets(found.settings)] == [key]
    home = server("home", found.settings.mcp["home"], "/etc/ca.pem")
    assert home.headers() == {"Authorization": "Bearer first", "A": "b"}
    key.write_text("second\n")
    assert home.headers()["Authorization"] == "Bearer second"
    assert home.ca_file == "/etc/ca.pem"
    assert "h.test/api" not in repr(home)
    assert home.place == "h.test"
