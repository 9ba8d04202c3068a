"""A secret is a reference, resolved late, shown never."""

import contextlib

import pytest

from voiced.config.secret import HEADER, MAX_BYTES, TEXT, Secret, read_reference, rule_at
from voiced.config.secret import WORD as ONE_WORD
from voiced.errors import ConfigError

WORD = "sk-0123456789abcdef"


@pytest.fixture
def secret_file(tmp_path):
    path = tmp_path / "key"
    path.write_text(WORD + "\n")
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_one_line_break_at_the_end_is_not_part_of_the_secret(secret_file, ending):
    secret_file.write_bytes(WORD.encode() + ending.encode())
    assert Secret("file", str(secret_file)).resolve() == WORD


def test_a_credential_is_read_where_systemd_puts_it(secret_file, monkeypatch):
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(secret_file.parent))
    assert Secret("credential", "key").resolve() == WORD


def test_a_secret_may_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("VOICED_TEST_KEY", WORD)
    assert Secret("env", "VOICED_TEST_KEY").resolve() == WORD


def test_an_empty_variable_is_as_good_as_none(monkeypatch):
    monkeypatch.setenv("VOICED_TEST_KEY", "")
    with pytest.raises(ConfigError, match="is not set; set VOICED_TEST_KEY for the service"):
        Secret("env", "VOICED_TEST_KEY").resolve()


def test_a_secret_is_read_anew_every_time(secret_file):
    secret = Secret("file", str(secret_file))
    secret.resolve()
    secret_file.write_text("another")
    assert secret.resolve() == "another"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty; put the secret in it"),
        (b"\n", "is empty; put the secret in it"),
        (b"two words", "is not one word of ASCII text; write the secret and nothing else"),
        (b"one\n\n", "is not one word of ASCII text; write the secret and nothing else"),
        ("schlüssel".encode(), "is not one word of ASCII text; write the secret and nothing else"),
        (b"x" * (MAX_BYTES + 1), f"is larger than {MAX_BYTES} bytes; is it the right file?"),
    ],
)
def test_a_file_that_cannot_be_a_secret_is_refused_without_repeating_it(secret_file, content, said):
    secret_file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        Secret("file", str(secret_file), "f.yaml:3: agent.key").resolve()
    assert str(caught.value) == f"f.yaml:3: agent.key: {{file: {secret_file}}} {said}"


def test_a_directory_is_not_a_secret(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read \\(it is a folder\\)"):
        Secret("file", str(tmp_path)).resolve()


def test_a_file_of_somebody_else_says_who_must_own_it():
    # Tests may run as root, so this is a file that even root cannot open for reading.
    with pytest.raises(ConfigError, match="may not be read by this user; give it to the user"):
        Secret("file", "/proc/sys/vm/drop_caches").resolve()


def test_a_credential_needs_systemd(monkeypatch):
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(ConfigError) as caught:
        Secret("credential", "api-key").resolve()
    assert str(caught.value) == (
        "secret: {credential: api-key} is not there, because systemd did not start "
        "this process; outside the service use {file: PATH} or {env: NAME}"
    )


@pytest.mark.parametrize(("mode", "is_unsafe"), [(0o600, False), (0o640, True), (0o604, True)])
def test_a_file_that_others_can_read_is_warned_of(secret_file, mode, is_unsafe):
    secret_file.chmod(mode)
    caution = Secret("file", str(secret_file)).caution()
    assert (f"run `chmod 600 {secret_file}`" in caution) is is_unsafe
    assert bool(caution) is is_unsafe


def test_only_files_that_exist_are_warned_of(tmp_path):
    assert Secret("file", str(tmp_path / "absent")).caution() == ""
    assert Secret("env", "HOME").caution() == ""


def test_a_secret_shows_its_reference_and_nothing_else(secret_file):
    secret = Secret("file", str(secret_file))
    secret.resolve()
    for shown in (str(secret), repr(secret), f"{secret}", str(vars(type(secret)))):
        assert WORD not in shown
    assert repr(secret) == f"Secret('file', {str(secret_file)!r})"


def test_secrets_are_equal_when_they_name_the_same_place():
    here, there = Secret("env", "A", "f.yaml:1"), Secret("env", "A", "f.yaml:2")
    assert here == there
    assert hash(here) == hash(there)
    assert here != Secret("env", "B")
    assert here != "A"


@pytest.mark.parametrize(
    "value",
    [WORD, 5, None, [], {}, {"env": WORD}, {"file": WORD}, {"file": "/a\nb"}, {"file": 5},
     {"credential": "../shadow"}, {"credential": "a/b"}, {WORD: "x"}, {"env": "A", "file": "/b"}],
)  # fmt: skip
def test_what_is_not_a_reference_is_refused_without_repeating_it(value):
    problem = read_reference(value, "here")
    assert not isinstance(problem, Secret)
    assert WORD not in "".join(problem)


@pytest.mark.parametrize("value", [{"credential": "api-key"}, {"file": "/a b"}, {"env": "A_1"}])
def test_a_reference_becomes_a_secret(value):
    secret = read_reference(value, "here")
    assert isinstance(secret, Secret)
    assert secret.plain() == value


def test_the_file_behind_a_secret_is_known_where_there_is_one(secret_file, monkeypatch):
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert Secret("file", str(secret_file)).path() == secret_file
    assert Secret("env", "VOICED_TEST_KEY").path() is None
    assert Secret("credential", "key").path() is None
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(secret_file.parent))
    assert Secret("credential", "key").path() == secret_file


@pytest.mark.parametrize(
    ("content", "rules"),
    [
        (b"word", {ONE_WORD, TEXT, HEADER}),
        (b"two words", {TEXT, HEADER}),
        ("schlüssel für 9 €\n".encode(), {TEXT, HEADER}),
        (b" blanks around ", {TEXT}),
        (b"blank behind \n", {TEXT}),
        (b"two\nlines", set()),
        (b"a\tb", set()),
        (b"nul\0", set()),
        ("\ufeffword".encode(), set()),
        (b"latin-1: \xfc", set()),
    ],
)
def test_what_a_secret_may_be_depends_on_where_it_goes(secret_file, content, rules):
    secret_file.write_bytes(content)
    taken = set()
    for rule in (ONE_WORD, TEXT, HEADER):
        with contextlib.suppress(ConfigError):
            assert Secret("file", str(secret_file)).resolve(rule) == content.decode().rstrip("\n")
            taken.add(rule)
    assert taken == rules


@pytest.mark.parametrize(
    ("setting", "rule"),
    [
        ("agent.key", ONE_WORD),
        ("metrics.token", ONE_WORD),
        ("mqtt.password", TEXT),
        ("http_tools.x.headers.X-Key", HEADER),
        ("mcp.home.headers.Authorization", HEADER),
        ("mcp.home.environment.TOKEN", TEXT),
    ],
)
def test_each_setting_has_its_rule(setting, rule):
    assert rule_at(setting) is rule
