"""`agent.token`: where temporary tokens come from, so that no key is on the device."""

import pytest

from tests.unit.config.test_tool_declarations import examined, mistakes
from voiced.assembly.factory import agent_settings, catalogue
from voiced.config.load import secrets
from voiced.config.sending import forbidden, permissions_of
from voiced.config.yaml_document import parse
from voiced.errors import ConfigError

URL = "agent: {token: {url: 'https://owner.test/t', json_pointer: /token}}\n"
COMMAND = "agent: {token: {command: [/usr/local/bin/voice-token, --brief]}}\n"
WORKBUDDY = "protocol: workbuddy, url: 'https://workbuddy.test', token"


@pytest.mark.parametrize(
    "text",
    [
        URL,
        COMMAND,
        URL.replace("token:", f"{WORKBUDDY}:", 1),
        COMMAND.replace("token:", f"{WORKBUDDY}:", 1),
        URL.replace("https://owner.test", "http://127.0.0.1:8000"),
        URL.replace("json_pointer: /token", "headers: {X-Device: kitchen}"),
        "agent: {auth: token, token: {url: 'https://owner.test/t'}}\n",
    ],
)
def test_it_takes_the_place_of_a_key(text):
    assert mistakes(text) == []


MISTAKES = {
    "nothing": ("agent: {token: {}}\n", "agent.token: needs either url or command; write one of them"),
    "both": (COMMAND.replace("{command", "{url: 'https://o.test', command"), "agent.token: needs either url or command; write one of them"),
    "a pointer alone": ("agent: {token: {json_pointer: /a}}\n", "agent.token: needs either url or command; write one of them"),
    "text": ("agent: {token: sekrit}\n", "agent.token: expected keys and values, got text; write `key: value` lines"),
    "unknown": (URL.replace("json_pointer", "json_ponter"), "agent.token.json_ponter: unknown key; did you mean json_pointer?"),
    "in clear": (URL.replace("https", "http"), "agent.token.url: not encrypted; write https://; http:// is for this machine only"),
    "a secret in the address": (URL.replace("/t'", "/t?token=sekrit'"), "agent.token.url: contains a user name, password or token; take it out of the address"),
    "a place in the address": (URL.replace("/t'", "/{x}'"), "agent.token.url: takes no placeholders; write the address itself"),
    "no pointer": (URL.replace("/token}", "token}"), "agent.token.json_pointer: expected a JSON pointer like /current/temperature, got other text"),
    "a secret in a header": (URL.replace("json_pointer: /token", "headers: {Authorization: sekrit}"), "agent.token.headers.Authorization: a secret must not be in this file; put it in a file of its own and write {file: PATH}"),
    "headers for a program": (COMMAND.replace("]}", "], headers: {A: b}}"), "agent.token.headers: has no effect without url; remove it"),
    "a command as text": ("agent: {token: {command: /bin/true}}\n", "agent.token.command: expected a list of a program and its arguments, got text"),
    "an empty command": ("agent: {token: {command: []}}\n", "agent.token.command: expected a list of a program and its arguments, got an empty list"),
    "no whole path": (COMMAND.replace("/usr/local/bin/", ""), "agent.token.command[0]: not a fixed absolute path; write the full path of one program, like /usr/bin/uptime"),
    "a place in the command": (COMMAND.replace("--brief", "'{x}'"), "agent.token.command: takes no placeholders; write the arguments themselves"),
    "a secret that is not there": (URL.replace("json_pointer: /token", "headers: {X-Key: {file: /nonexistent/x}}"), "agent.token.headers.X-Key: {file: /nonexistent/x} does not exist; create it with the secret as its only line"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), MISTAKES.values(), ids=MISTAKES.keys())
def test_each_mistake_is_one_line_that_says_where_and_what_to_do(text, said):
    [only] = mistakes(text)
    assert only == f"f.yaml:1: {said}"


def test_a_key_beside_it_is_of_no_use(monkeypatch):
    monkeypatch.setenv("A_KEY", "sekrit")
    found = examined(URL.replace("{token", "{key: {env: A_KEY}, token"))
    assert found.problems == ()
    assert found.warnings == (
        "f.yaml:1: agent.key: has no effect together with agent.token; remove it",
    )


def test_without_key_and_token_the_key_is_missed():
    assert mistakes("agent: {}\n") == [
        "f.yaml:1: agent.key: missing; write `key: {credential: api-key}`"
    ]


def test_its_secrets_are_read_anew_and_watched(tmp_path):
    key = tmp_path / "key"
    key.write_text("sekrit\n")
    key.chmod(0o600)
    header = f"headers: {{Authorization: {{prefix: 'Bearer ', file: {key}}}}}"
    settings = examined(URL.replace("json_pointer: /token", header)).settings
    assert [secret.path() for _, secret in secrets(settings)] == [key]
    made = agent_settings(settings, {})
    assert (made.key, made.token.url) == (None, "https://owner.test/t")
    assert made.token.headers == {"Authorization": "Bearer sekrit"}
    assert "sekrit" not in repr(made)
    key.unlink()
    with pytest.raises(ConfigError, match="does not exist"):
        agent_settings(settings, {})


def test_no_server_may_set_it():
    overlay = parse(COMMAND.encode(), "remote")
    assert [each.path for each in forbidden(overlay, [], permissions_of({}))] == [
        ("agent", "token")
    ]
    assert "agent.token" not in str(catalogue().agent_class("assemblyai").session_permissions)
