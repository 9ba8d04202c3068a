"""Tools that cannot work are found when the settings are read, with the line and what to do."""

import pytest

from tests.house.repository import ROOT
from tests.unit.config import samples
from voiced.assembly.factory import catalogue
from voiced.config.load import secrets

HEAD = "agent: {url: 'ws://localhost'}\n"
HTTP = HEAD + "http_tools:\n  t:\n    description: d\n    url: https://h.test/\n"
COMMAND = HEAD + "command_tools:\n  t:\n    description: d\n    argv: [/bin/true]\n"
CITY = "    parameters: {properties: {city: {type: string}}, required: [city]}\n"
LOOSE = "    parameters: {properties: {city: {type: string}}}\n"
LIST = "    parameters: {properties: {city: {type: array}}, required: [city]}\n"


def examined(text):
    return samples.examined(text, catalogue())


def mistakes(text):
    return [str(problem) for problem in examined(text).problems]


@pytest.mark.parametrize(
    "text",
    [
        HTTP,
        HTTP.replace("https://h.test/", "http://10.0.0.7:8123/x"),
        HTTP.replace("https://h.test/", "'https://h.test/{city}?q={city}&k=v'") + CITY,
        HTTP.replace("https://h.test/", "'http://[::1]:80/?q={{city}}'"),
        HTTP + "    method: POST\n    json: {a: ['{city}', 1, null]}\n" + LIST,
        HTTP + "    headers: {Accept: text/plain, X-Key: {prefix: 'Key ', env: HOME}}\n",
        HTTP + "    execution_mode: hold\n    timeout_s: 240\n    response: /a/0\n",
        HTTP + "    say_while_waiting: One moment.\n",
        COMMAND,
        COMMAND.replace("[/bin/true]", "[/bin/true, --, '{city}', '{x']") + CITY,
        COMMAND.replace("[/bin/true]", "[/bin/true, '{city}']")
        + "    parameters: {properties: {city: {type: string, default: Rome}}}\n",
    ],
)
def test_tools_that_can_work_pass(text):
    found = examined(text)
    assert [str(problem) for problem in found.problems] == []
    assert found.settings is not None


# What is written, the line to blame, the rest of what must be said.
MISTAKES = {
    "no mapping": (HEAD + "http_tools: [a]\n", 2, "http_tools: expected tools by name, got a list"),
    "empty tool": (HEAD + "http_tools:\n  t:\n", 3, "http_tools.t: expected keys and values, got nothing; write `key: value` lines"),
    "bad name": (HTTP.replace("  t:", "  'get weather':"), 3, "http_tools.…: not a valid name here; use letters, digits, _ and -, at most 64"),
    "reserved name": (HTTP.replace("  t:", "  aai_pre_connect_context:"), 3, "http_tools.aai_pre_connect_context: is reserved for the agent's own tools; choose one that does not begin with aai_"),
    "taken name": (HTTP.replace("  t:", "  get_time:"), 3, "http_tools.get_time: a built-in tool has this name; choose another"),
    "name taken twice": (HTTP + COMMAND.removeprefix(HEAD), 7, "command_tools.t: a tool of http_tools has this name; choose another"),
    "unknown key": (HTTP + "    metod: POST\n", 6, "http_tools.t.metod: unknown key; did you mean method?"),
    "no description": (HTTP.replace("    description: d\n", ""), 3, "http_tools.t.description: missing; it must be text of 1 to 4000 characters"),
    "no address": (HTTP.replace("    url: https://h.test/\n", ""), 3, "http_tools.t.url: missing; it must be an address like https://host/path"),
    "no program": (COMMAND.replace("    argv: [/bin/true]\n", ""), 3, "command_tools.t.argv: missing; it must be a list of a program and its arguments"),
    "command as text": (COMMAND.replace("[/bin/true]", "/bin/true -x"), 5, "command_tools.t.argv: expected a list of a program and its arguments, got text"),
    "empty command": (COMMAND.replace("[/bin/true]", "[]"), 5, "command_tools.t.argv: expected a list of a program and its arguments, got an empty list"),
    "number in a command": (COMMAND.replace("[/bin/true]", "[/bin/true, 5]"), 5, "command_tools.t.argv[1]: expected text of at most 4000 characters, got 5; put it into quotes"),
    "relative program": (COMMAND.replace("/bin/true", "uptime"), 5, "command_tools.t.argv[0]: not a fixed absolute path; write the full path of one program, like /usr/bin/uptime"),
    "program from the agent": (COMMAND.replace("/bin/true", "'/bin/{city}'") + CITY, 5, "command_tools.t.argv[0]: not a fixed absolute path"),
    "unknown placeholder": (COMMAND.replace("[/bin/true]", "[/bin/true, '{sity}']") + CITY, 5, "command_tools.t.argv[1]: a placeholder that is not a parameter; declare it under parameters.properties"),
    "optional placeholder": (HTTP.replace("https://h.test/", "'https://h.test/{city}'") + LOOSE, 6, "http_tools.t.parameters.properties.city: is used but may be missing; require it, or give it a default"),
    "list within text": (COMMAND.replace("[/bin/true]", "[/bin/true, '{city}']") + LIST, 6, "command_tools.t.parameters.properties.city: is part of a text and must be a single value; give it a type of string, number, integer, boolean"),
    "list within text of a body": (HTTP + "    method: PUT\n    json: {q: 'is {city}'}\n" + LIST, 8, "http_tools.t.parameters.properties.city: is part of a text"),
    "placeholder for the host": (HTTP.replace("https://h.test/", "'https://{city}.test/'") + CITY, 5, "http_tools.t.url: not an address with a fixed host; write https://host/path, with placeholders in path and query only"),
    "placeholder for the end of the host": (HTTP.replace("https://h.test/", "'https://h.test{city}'") + CITY, 5, "http_tools.t.url: not an address with a fixed host"),
    "placeholder for the port": (HTTP.replace("https://h.test/", "'https://h.test:{city}/'") + CITY, 5, "http_tools.t.url: not an address with a fixed host"),
    "no such port": (HTTP.replace("h.test/", "h.test:99999/"), 5, "http_tools.t.url: not an address with a fixed host"),
    "other scheme": (HTTP.replace("https://", "file://"), 5, "http_tools.t.url: expected an address like https://host/path, got other text"),
    "user in the address": (HTTP.replace("h.test/", "me:pw@h.test/"), 5, "http_tools.t.url: contains a user name or password; send it in a header"),
    "part for nobody": (HTTP.replace("h.test/", "h.test/#x"), 5, "http_tools.t.url: has a part that is never sent (#); remove it"),
    "blank in the address": (HTTP.replace("h.test/", "h.test/a b"), 5, "http_tools.t.url: contains characters that cannot be sent; percent-encode them"),
    "climbing address": (HTTP.replace("h.test/", "h.test/a/../b"), 5, "http_tools.t.url: has a part that is . or ..; write the path itself"),
    "method": (HTTP + "    method: get\n", 6, "http_tools.t.method: expected one of GET, POST, PUT, PATCH, DELETE, got other text"),
    "body of a GET": (HTTP + "    json: {a: 1}\n", 6, "http_tools.t.json: a GET has no body; write `method: POST`"),
    "pointer": (HTTP + "    response: current.temp\n", 6, "http_tools.t.response: expected a JSON pointer like /current/temperature, got other text"),
    "too long": (HTTP + "    timeout_s: 241\n", 6, "http_tools.t.timeout_s: expected a whole number from 1 to 240, got 241"),
    "speech in silence": (HTTP + "    execution_mode: hold\n    say_while_waiting: Wait.\n", 7, "http_tools.t.say_while_waiting: the agent is silent with `execution_mode: hold`; remove one of them"),
    "secret in the file": (HTTP + "    headers: {Authorization: Bearer 0123456789}\n", 6, "http_tools.t.headers.Authorization: a secret must not be in this file; put it in a file of its own and write {file: PATH}"),
    "reference of no kind": (HTTP + "    headers: {X-Key: {path: /x}}\n", 6, "http_tools.t.headers.X-Key: not a reference to a secret"),
    "placeholder in a header": (HTTP + "    headers: {X-City: '{city}'}\n" + CITY, 6, "http_tools.t.headers.X-City: headers take no placeholders; use url or json"),
    "line break in a header": (HTTP + '    headers: {X-A: "a\\r\\nX-B: b"}\n', 6, "http_tools.t.headers.X-A: contains characters that cannot be sent; write one line of text"),
    "line break in a prefix": (HTTP + '    headers: {X-A: {prefix: "a\\n", env: HOME}}\n', 6, "http_tools.t.headers.X-A.prefix: contains characters"),
    "header of ours": (HTTP + "    headers: {Host: x}\n", 6, "http_tools.t.headers.Host: not a header that can be set; remove it"),
    "secret in clear": (HTTP.replace("https://h.test", "http://10.0.0.7") + "    headers: {X-Key: {env: HOME}}\n", 5, "http_tools.t.url: would send a secret over the network in clear; use https://, or send no secret"),
    "pattern beyond RE2": (HTTP + "    parameters: {properties: {a: {pattern: '(?=a)a'}}}\n", 6, "http_tools.t.parameters.properties.a.pattern: uses lookaround"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line", "rest"), MISTAKES.values(), ids=MISTAKES)
def test_each_mistake_is_one_line_that_says_where_and_what_to_do(text, line, rest):
    [only] = mistakes(text)
    assert f"{only}\n".startswith(f"f.yaml:{line}: {rest}")


def test_every_mistake_is_told_and_not_only_the_first():
    text = HTTP.replace("https://h.test/", "ftp://x/") + "    timeout_s: 0\n    metod: x\n"
    assert len(mistakes(text)) == 3


def test_what_is_wrong_with_one_tool_leaves_the_others_to_be_judged():
    text = HTTP + "    timeout_s: 0\n  u: {description: d, url: 'https://{a}.test/'}\n"
    assert [line.partition(";")[0] for line in mistakes(text)] == [
        "f.yaml:6: http_tools.t.timeout_s: expected a whole number from 1 to 240, got 0",
        "f.yaml:7: http_tools.u.url: not an address with a fixed host",
    ]


@pytest.mark.parametrize(
    ("text", "line", "rest"),
    [
        (COMMAND.replace("/bin/true", "/nonexistent/x"), 5, "command_tools.t.argv[0]: no such program here; install it"),
        (COMMAND.replace("/bin/true", "/etc/passwd"), 5, "command_tools.t.argv[0]: no such program here; install it"),
        (HTTP + "    headers: {X-Key: {file: /nonexistent/x}}\n", 6, "http_tools.t.headers.X-Key: {file: /nonexistent/x} does not exist; create it with the secret as its only line"),
    ],
)  # fmt: skip
def test_what_only_this_device_lacks_is_a_warning_because_it_can_talk_all_the_same(
    text, line, rest
):
    found = examined(text)
    assert found.problems == ()
    assert found.warnings == (f"f.yaml:{line}: {rest}",)


def test_the_secrets_of_tools_are_watched_and_must_be_closed_to_others(tmp_path):
    key = tmp_path / "key"
    key.write_text("word\n")
    key.chmod(0o644)
    found = examined(HTTP + f"    headers: {{X-Key: {{prefix: 'K ', file: {key}}}}}\n")
    assert [secret.path() for _, secret in secrets(found.settings)] == [key]
    [warning] = found.warnings
    assert "can be read by users other than its owner" in warning


WORKBUDDY = "agent: {protocol: workbuddy, url: 'http://localhost/x'}\n"


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ("tools: [get_time]\n", "tools"),
        (HTTP.removeprefix(HEAD), "http_tools"),
        (COMMAND.removeprefix(HEAD), "command_tools"),
    ],
)
def test_tools_written_down_for_an_agent_that_takes_none_are_warned_of(more, key):
    found = examined(WORKBUDDY + more)
    assert found.problems == ()
    assert found.warnings == (
        f"f.yaml:2: {key}: has no effect: workbuddy takes no tools; remove it",
    )


@pytest.mark.parametrize("more", ["", "tools: []\n", "http_tools: {}\n"])
def test_an_agent_that_takes_no_tools_and_is_given_none_is_no_reason_to_warn(more):
    assert examined(WORKBUDDY + more).warnings == ()


def test_a_server_cannot_declare_tools():
    from voiced.config.sending import forbidden, permissions_of
    from voiced.config.yaml_document import parse

    overlay = parse((HTTP + COMMAND.removeprefix(HEAD)).removeprefix(HEAD).encode(), "remote")
    assert {problem.path for problem in forbidden(overlay, [], permissions_of({}))} == {
        ("http_tools",),
        ("command_tools",),
    }


def test_the_example_has_a_tool_of_every_kind():
    text = (ROOT / "config" / "examples" / "tools.yaml").read_text(encoding="utf-8")
    found = examined(text.replace("key: {credential: api-key}", "url: ws://localhost"))
    assert found.settings.tools
    assert found.settings.http_tools
    assert found.settings.command_tools
