"""YAML text as plain values that remember their lines.

YAML 1.2 core without its rare corners: only true and false are truth values, only decimal
numbers without leading zeros are numbers, everything else is text. No tags, one document.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import yaml

from voiced.errors import ConfigError, Guess, Problem
from voiced.lib.printable import hidden, holding

MAX_BYTES = 256 * 1024
MAX_DEPTH = 16
MAX_KEYS, MAX_VALUES = 2_000, 10_000
"""Counted with aliases expanded, so that a few lines cannot become millions."""

MOST_GUESSES = 3
"""For how many problems of a file it is found out what was meant."""

KeyPath = tuple[str | int, ...]

FASTEST: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
_HALF = re.compile("[\ud800-\udfff]")
_PAIR = re.compile(
    r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})"
)
_LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_REAL = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS = {
    **dict.fromkeys(["", "~", "null", "Null", "NULL"]),
    **dict.fromkeys(["true", "True", "TRUE"], True),
    **dict.fromkeys(["false", "False", "FALSE"], False),
}
_PRINTABLE_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,23}")

_HINTS = (
    ("mapping values are not allowed", 'put text that holds ": " into quotes'),
    (
        "cannot start any token",
        "indent with spaces, not tabs; put text that starts with a sign into quotes",
    ),
    ("expected key", "check the indentation of this line and the ones above"),
    ("expected '-'", "check the indentation of this line and the ones above"),
    ("expected ':'", "write `key: value`"),
    ("invalid Unicode character escape", "write the character itself"),
    ("", "check indentation, quotes and brackets"),
)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something stands.

    Attributes:
        layer: Which of several files laid over each other; 0 is the lowest.
        line: Counted from 1.
        name: The file, as the operator calls it.
    """

    layer: int
    line: int
    name: str

    def __str__(self) -> str:
        return f"{self.name}:{self.line}"


@dataclass(frozen=True, slots=True)
class Document:
    """What a settings file says, or several laid over each other, and where.

    Attributes:
        value: What it holds: mappings, lists, text, numbers, truth values, None.
        places: Where every key and list item stands, by its path.
        problems: What is wrong with the file itself.
    """

    value: object
    places: Mapping[KeyPath, Place]
    problems: tuple[Problem, ...] = ()

    def named(self, name: str) -> "Document":
        """Return it under another name."""
        places = {path: replace(place, name=name) for path, place in self.places.items()}
        return replace(self, places=places)

    def place(self, path: KeyPath) -> Place:
        """Return where `path` stands, or what it would belong to."""
        while path not in self.places:
            path = path[:-1]
        return self.places[path]

    def where(self, path: KeyPath) -> str:
        """Return `file:line: key.path`.

        A key that does not look like the name of a setting is left out: it may be a secret
        on the wrong side of a colon.
        """
        keys = ""
        for part in path:
            if isinstance(part, int):
                keys += f"[{part}]"
            else:
                keys += "." + (part if _PRINTABLE_KEY.fullmatch(part) else "…")
        place = str(self.place(path))
        return f"{place}: {keys.removeprefix('.')}" if keys else place

    def error(self, problem: Problem) -> ConfigError:
        """Return `problem` as an error that names file, line and key."""
        where = problem.where or self.where(problem.path)
        return ConfigError(where, problem.problem, str(problem.hint))

    def errors(self, problems: Iterable[Problem]) -> list[ConfigError]:
        """Return `problems` as `error` does; what was meant is found out for the first few only."""
        found, n_guesses = [], 0
        for each in problems:
            is_guess = isinstance(each.hint, Guess)
            n_guesses += is_guess
            few = not is_guess or n_guesses <= MOST_GUESSES
            found.append(self.error(each if few else replace(each, hint="")))
        return found


def parse(content: bytes, name: str, loader: Any = FASTEST) -> Document:
    """Read a settings file.

    Args:
        content: The whole file.
        name: What to call it.
        loader: The PyYAML loader whose parser to use.

    Raises:
        ConfigError: If it is not YAML text of reasonable size.
    """
    if len(content) > MAX_BYTES:
        raise ConfigError(name, f"larger than {MAX_BYTES // 1024} KiB", "is it the right file?")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{name}:{line}", "not UTF-8 text", "save the file as UTF-8") from None
    forbidden = _FORBIDDEN.search(text)
    if forbidden is not None:
        line = text.count("\n", 0, forbidden.start()) + 1
        before = text[text.rfind("\n", 0, forbidden.start()) + 1 : forbidden.end()]
        raise ConfigError(f"{name}:{line}", *holding(before, forbidden[0]))
    reader = _Reader(name, yaml.parse(text, Loader=loader))
    try:
        value = reader.read()
    except yaml.MarkedYAMLError as error:
        joined = _joined(text)
        if joined != text:
            return parse(joined.encode(), name, loader)
        raise _syntax_error(name, text, error) from None
    places = {path: Place(0, line, name) for path, line in reader.lines.items()}
    return Document(value, places, tuple(reader.problems))


def _joined(text: str) -> str:
    r"""Return `text` with the characters that JSON writes in halves, like \ud83d\ude00; YAML knows none."""

    def join(found: re.Match[str]) -> str:
        high, low = int(found[2], 16), int(found[3], 16)
        return found[1] + chr(0x10000 + ((high & 0x3FF) << 10 | low & 0x3FF))

    return _PAIR.sub(join, text)


def _syntax_error(name: str, text: str, error: yaml.MarkedYAMLError) -> ConfigError:
    problem = error.problem or "broken"
    hint = next(hint for fragment, hint in _HINTS if fragment in problem)
    line = error.problem_mark.line + 1 if error.problem_mark else 1
    start = error.context_mark.line + 1 if error.context_mark else line
    written = _LINE_END.split(text)[line - 1 : line]
    if concealed := hidden("".join(written).replace("\t", " ")):
        problem, hint = f"{problem}, in a line that {concealed[0]}", f"{concealed[1]}, or {hint}"
    since = f" (in what begins on line {start})" if start != line else ""
    return ConfigError(f"{name}:{line}", f"not valid YAML: {problem}{since}", hint)


class _Reader:
    """Builds values from parser events. Nothing is resolved by type but what stands bare."""

    def __init__(self, name: str, events: Iterator[Any]) -> None:
        self.lines: dict[KeyPath, int] = {(): 1}
        self.problems: list[Problem] = []
        self._name = name
        self._events = events
        self._anchors: dict[str, tuple[object, int, int]] = {}
        self._n_values = self._n_keys = 0

    def read(self) -> object:
        next(self._events)
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return None
        value = self._value(next(self._events), ())
        next(self._events)
        event = next(self._events)
        if not isinstance(event, yaml.StreamEndEvent):
            self._refuse(event, "a second document begins here", "remove the line `---`")
        return value

    def _value(self, event: Any, path: KeyPath) -> object:
        if len(path) > MAX_DEPTH:
            self._refuse(event, f"nested more than {MAX_DEPTH} deep", "no setting is")
        before = self._n_values, self._n_keys
        self._count(event, 1)
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                self._refuse(
                    event,
                    "an alias (*) without its anchor (&)",
                    "put text that starts with * into quotes",
                )
            value, n_values, n_keys = self._anchors[event.anchor]
            self._count(event, n_values, n_keys)
            return value
        if event.tag is not None:
            self._refuse(
                event, "tags (!) mean nothing here", "put text that starts with ! into quotes"
            )
        if isinstance(event, yaml.ScalarEvent):
            value = _bare(event.value) if event.implicit[0] else self._whole(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._list(path)
        else:
            value = self._mapping(path)
        if event.anchor is not None:
            n_values, n_keys = self._n_values - before[0], self._n_keys - before[1]
            self._anchors[event.anchor] = (value, n_values, n_keys)
        return value

    def _whole(self, event: Any) -> str:
        """Return quoted text; PyYAML's own parser, unlike libyaml, reads halves of characters."""
        text: str = event.value
        if _HALF.search(text) is None:
            return text
        try:
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            self._refuse(
                event, "contains half a character", "remove the escape, or add its other half"
            )

    def _list(self, path: KeyPath) -> Sequence[object]:
        items: list[object] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            here = (*path, len(items))
            self.lines[here] = _line(event)
            items.append(self._value(event, here))
        return items

    def _mapping(self, path: KeyPath) -> Mapping[str, object]:
        values: dict[str, object] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                self._refuse(event, "a key must be a plain word", "write `key: value`")
            self._count(event, 0, 1)
            key = self._whole(event)
            here = (*path, key)
            if key in values:
                first = self.lines[here]
                self.problems.append(
                    Problem(here, f"already set on line {first}", "remove one of them")
                )
            self.lines[here] = _line(event)
            values[key] = self._value(next(self._events), here)
        return values

    def _count(self, event: Any, n_values: int, n_keys: int = 0) -> None:
        self._n_values += n_values
        self._n_keys += n_keys
        if self._n_keys > MAX_KEYS:
            hint = "is it the right file? a fleet can have several"
            self._refuse(event, f"more than {MAX_KEYS} keys", hint)
        if self._n_values > MAX_VALUES:
            self._refuse(event, f"more than {MAX_VALUES} values", "is it the right file?")

    def _refuse(self, event: Any, problem: str, hint: str) -> NoReturn:
        raise ConfigError(f"{self._name}:{_line(event)}", problem, hint)


def _bare(text: str) -> object:
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.fullmatch(text):
        return int(text)
    if _REAL.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return text


def _line(event: Any) -> int:
    line: int = event.start_mark.line
    return line + 1
