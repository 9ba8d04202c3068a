"""References to secrets. The settings file never holds a secret, only where to find it."""

import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from voiced.errors import ConfigError
from voiced.lib.environment import variable
from voiced.lib.regular_file import read_start

MAX_BYTES = 8192  # a temporary token is about 2,500 characters

Source = Literal["credential", "file", "env"]

_NAMES: Mapping[str, tuple[str, str]] = {
    "credential": (r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}", "the name of a systemd credential"),
    "file": (r"/[^\x00-\x1f]{1,1023}", "an absolute path"),
    # Capitals only: a key pasted here by mistake is refused instead of shown.
    "env": (r"[A-Z_][A-Z0-9_]{0,63}", "the name of an environment variable, in capitals"),
}


NO_SECRET_HERE = (
    "a secret must not be in this file",
    "put it in a file of its own and write {file: PATH}",
)
"""Problem and hint."""

PREFIX = "prefix"
"""In a header, beside the reference: what stands before the secret."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a secret must be, by where it goes.

    Attributes:
        pattern: All of it.
        problem: What it is if it is not that.
        hint: What to do about it.
    """

    pattern: str
    problem: str
    hint: str = "write the secret and nothing else"


WORD = Rule(r"[\x21-\x7e]+", "is not one word of ASCII text")
"""Keys and tokens."""

TEXT = Rule(
    r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffd\ud800-\udfff]+",
    "is not one line of text in UTF-8",
)
"""Passwords and variables."""

HEADER = Rule(
    rf"(?![ \xa0]){TEXT.pattern}(?<![ \xa0])",
    "is not one line of text in UTF-8, or has a blank at its end",
)
"""A value of an HTTP header (RFC 9110, 5.5)."""


def rule_at(setting: str) -> Rule:
    """Return the rule for a secret that is referred to by `setting`, a path of keys with dots."""
    keys = setting.split(".")
    if "headers" in keys:
        return HEADER
    return TEXT if "environment" in keys or setting == "mqtt.password" else WORD


class Secret:
    """Where a secret is to be found. Never holds the secret itself.

    Attributes:
        source: What kind of place.
        name: The name of the credential or variable, or the path of the file.
    """

    __slots__ = ("_where", "name", "source")

    def __init__(self, source: Source, name: str, where: str = "secret") -> None:
        self.source: Source = source
        self.name = name
        self._where = where

    def __str__(self) -> str:
        return f"{{{self.source}: {self.name}}}"

    def __repr__(self) -> str:
        return f"Secret({self.source!r}, {self.name!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.plain() == other.plain()

    def __hash__(self) -> int:
        return hash((self.source, self.name))

    def plain(self) -> dict[str, str]:
        """Return the reference as it stands in the settings file."""
        return {self.source: self.name}

    def resolve(self, rule: Rule = WORD) -> str:
        """Read the secret, without the line break at its end.

        Args:
            rule: What it must be.

        Raises:
            ConfigError: If it is missing, unreadable, empty or not what it must be.
        """
        if self.source == "env":
            content = variable(self.name)
            if content is None:
                raise self._error("is not set", f"set {self.name} for the service")
        else:
            content = self._read(self._path())
        content = content.removesuffix("\n").removesuffix("\r")
        if not content:
            raise self._error("is empty", "put the secret in it")
        if re.fullmatch(rule.pattern, content) is None:
            raise self._error(rule.problem, rule.hint)
        return content

    def path(self) -> Path | None:
        """Return the file the secret is read from, or None if it is in no file we know."""
        try:
            return None if self.source == "env" else self._path()
        except ConfigError:
            return None

    def caution(self) -> str:
        """Return what is unsafe about the place, or an empty string."""
        if self.source != "file":
            return ""
        try:
            mode = Path(self.name).stat().st_mode
        except OSError:
            return ""
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            return f"{self} can be read by users other than its owner; run `chmod 600 {self.name}`"
        return ""

    def _path(self) -> Path:
        if self.source == "file":
            return Path(self.name)
        directory = variable("CREDENTIALS_DIRECTORY")
        if directory is None:
            raise self._error(
                "is not there, because systemd did not start this process",
                "outside the service use {file: PATH} or {env: NAME}",
            )
        return Path(directory) / self.name

    def _read(self, path: Path) -> str:
        try:
            content = read_start(path, MAX_BYTES + 1)
        except FileNotFoundError:
            raise self._error("does not exist", self._remedy()) from None
        except PermissionError:
            raise self._error(
                "may not be read by this user", "give it to the user of the service"
            ) from None
        except OSError as error:
            raise self._error(f"cannot be read ({error.strerror})") from None
        if len(content) > MAX_BYTES:
            raise self._error(f"is larger than {MAX_BYTES} bytes", "is it the right file?")
        # What is not UTF-8 fails the check of the caller.
        return content.decode("utf-8", "replace")

    def _remedy(self) -> str:
        if self.source == "file":
            return "create it with the secret as its only line"
        return f"add `LoadCredential={self.name}:/etc/voiced/{self.name}` to the service"

    def _error(self, problem: str, hint: str = "") -> ConfigError:
        return ConfigError(self._where, f"{self} {problem}", hint)


class TextOrSecret:
    """A header or a variable: text, or a reference to a secret with text before it.

    Attributes:
        text: All of it, or what stands before the secret.
        secret: The reference, if it is one.
    """

    __slots__ = ("secret", "text")

    def __init__(self, text: str, secret: Secret | None = None) -> None:
        self.text = text
        self.secret = secret

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TextOrSecret) and self.plain() == other.plain()

    def __hash__(self) -> int:
        return hash((self.text, self.secret))

    def resolve(self, rule: Rule) -> str:
        """Return it with the secret, read now; see `Secret.resolve`."""
        return self.text + (self.secret.resolve(rule) if self.secret is not None else "")

    def plain(self) -> str | dict[str, str]:
        """Return it as it stands in the settings file."""
        if self.secret is None:
            return self.text
        return ({PREFIX: self.text} if self.text else {}) | self.secret.plain()


def resolved(values: Mapping[str, TextOrSecret], rule: Rule) -> dict[str, str]:
    """Return headers or variables with their secrets, read now, so that a new one counts; see `Secret.resolve`."""
    return {name: value.resolve(rule) for name, value in values.items()}


def read_reference(value: object, where: str) -> Secret | tuple[str, str]:
    """Return the secret `value` refers to, or problem and hint that never repeat what it holds."""
    if not isinstance(value, Mapping):
        return NO_SECRET_HERE
    source: Source = next(iter(value), "file")
    name = value.get(source)
    if len(value) != 1 or source not in _NAMES or not isinstance(name, str):
        return (
            "not a reference to a secret",
            "write {credential: NAME}, {file: PATH} or {env: NAME}",
        )
    pattern, expected = _NAMES[source]
    if re.fullmatch(pattern, name) is None:
        return f"{source} needs {expected}", "the secret itself must not be in this file"
    return Secret(source, name, where)
