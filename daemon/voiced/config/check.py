"""Hold a document against the schema: every fault it has, not only the first.

Text from the file is never repeated in a message: it may be a secret in the wrong place.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar, get_args, get_origin

import msgspec

from voiced.config.schema import Settings
from voiced.config.secret import Secret, read_reference
from voiced.config.yaml_document import Document, KeyPath
from voiced.errors import Guess, Problem
from voiced.lib.printable import hidden, holding, unseen
from voiced.lib.sections import Section, Setting, places_of, settings_in, suggestion

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_NUMBER_LIKE = (
    (r"[-+]?0[0-9]+", "write it without leading zeros"),
    (r"[-+]?[0-9.]+", "write it without quotes"),
    (r"[0-9]+(:[0-9]+)+|[0-9.]+ *[A-Za-z%]+", "write one number; the key says in which unit"),
)

AnySection = TypeVar("AnySection", bound=Section)


def check(document: Document) -> tuple[Settings | None, list[Problem]]:
    """Return the settings `document` holds and what is wrong with it.

    A faulty value leaves its default in place, so that the rest can be judged. None means
    that not even that could be done.
    """
    checker = _Checker(document)
    settings = checker.section(Settings, document.value, ())
    return settings, checker.problems


class _Checker:
    """Walks schema and document together."""

    def __init__(self, document: Document) -> None:
        self.problems = list(document.problems)
        self._document = document

    def section(self, kind: type[AnySection], value: object, path: KeyPath) -> AnySection | None:
        """Return the section `value` describes, or None if it cannot be built."""
        if value is None:
            value = {}
        if not isinstance(value, Mapping):
            self._add(
                path,
                *_or_hidden(
                    value,
                    f"expected keys and values, got {_got(value)}",
                    "write `key: value` lines",
                ),
            )
            return None
        known = {setting.key: setting for setting in settings_in(kind)}
        kept: dict[str, Any] = {}
        for key, item in value.items():
            if key not in known:
                meant = _elsewhere(key) or suggestion(key, known)
                self._add((*path, key), *_or_hidden(key, "unknown key", meant))
            elif (found := self._setting(known[key], item, (*path, key))) is not None:
                kept[key] = found
        missing = [s for s in known.values() if s.required and s.key not in value]
        for setting in missing:
            self._add((*path, setting.key), "missing", f"it must be {setting.expects}")
        if any(setting.required and setting.key not in kept for setting in known.values()):
            return None
        return kind(**kept)

    def _setting(self, setting: Setting, value: object, path: KeyPath) -> object:
        if setting.section is not None:
            if value is None and setting.default is None:
                return None
            return self.section(setting.section, value, path)
        if setting.bare is Secret:
            return self._secret(value, path)
        if isinstance(value, str) and value != value.strip():
            self._add(
                path,
                *_or_hidden(value.strip(" \t\r\n"), "begins or ends with a blank", "remove it"),
            )
            return None
        may_have_lines = (
            get_origin(setting.bare) is Mapping
        )  # a prompt; all else is a name or a path
        if found := _bad_character(value, path, _control if may_have_lines else unseen):
            self._add(*found)
            return None
        try:
            return msgspec.convert(value, setting.kind)
        except msgspec.ValidationError:
            got = "other text" if isinstance(value, str) and _takes_text(setting) else _got(value)
            problem = f"expected {setting.expects}, got {got}"
            self._add(path, *_or_hidden(value, problem, _hint(setting, value)))
            return None

    def _secret(self, value: object, path: KeyPath) -> Secret | None:
        if value is None:
            return None
        found = read_reference(value, self._document.where(path))
        if isinstance(found, Secret):
            return found
        self._add(path, *(_hidden_in(value) or found))
        return None

    def _add(self, path: KeyPath, problem: str, hint: str | Guess) -> None:
        self.problems.append(Problem(path, problem, hint))


def _control(text: str) -> str | None:
    """Return the first character of `text` that is no text; lines may end and be indented."""
    found = _CONTROL.search(text)
    return found[0] if found else None


def _bad_character(
    value: object, path: KeyPath, first_in: Callable[[str], str | None]
) -> tuple[KeyPath, str, str] | None:
    """Return the first character that is no good in `value` or below it: where, what, what to do.

    Args:
        value: Any value.
        path: Where it is.
        first_in: Finds what is no good in a text; in a key nothing may be hidden.
    """
    match value:
        case str():
            char = first_in(value)
            return None if char is None else (path, *holding(value, char))
        case Mapping():
            for key in value:
                if found := hidden(key):
                    return (*path, key), *found
            inside = [((*path, key), item) for key, item in value.items()]
        case list():
            inside = [((*path, at), item) for at, item in enumerate(value)]
        case _:
            return None
    return next(filter(None, (_bad_character(item, at, first_in) for at, item in inside)), None)


def _hidden_in(value: object) -> tuple[str, str] | None:
    """Return what is wrong with the first text in `value` that hides a character."""
    match value:
        case str():
            return hidden(value)
        case Mapping():
            inside = [each for pair in value.items() for each in pair]
        case list():
            inside = value
        case _:
            return None
    return next(filter(None, map(_hidden_in, inside)), None)


def _or_hidden(value: object, problem: str, hint: str | Guess) -> tuple[str, str | Guess]:
    """Return what is wrong with `value`: a character nobody can see, if it hides one."""
    return _hidden_in(value) or (problem, hint)


def _elsewhere(key: str) -> str:
    """Return where a key belongs that has its one place in another section."""
    places = places_of(Settings).get(key, ())
    return f"did you mean {'.'.join(places[0])}?" if len(places) == 1 else ""


def _got(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case str():
            return "text"
        case Mapping():
            return "keys and values"
        case _:
            return "a list"


def _hint(setting: Setting, value: object) -> str | Guess:
    if value is None:
        return "give it a value or remove the key"
    if isinstance(value, str):
        return _hint_for_text(setting, value)
    if isinstance(value, list):
        return "every item must be text" if get_origin(setting.bare) is tuple else ""
    return "put it into quotes" if setting.bare is str and not isinstance(value, Mapping) else ""


def _hint_for_text(setting: Setting, text: str) -> str | Guess:
    if _takes_text(setting):
        choices = get_args(setting.bare)
        return suggestion(text, choices) if choices else ""
    if setting.bare is bool:
        return "write true or false, without quotes"
    return next((hint for shape, hint in _NUMBER_LIKE if re.fullmatch(shape, text)), "")


def _takes_text(setting: Setting) -> bool:
    if get_origin(setting.bare) is Literal:
        return all(isinstance(choice, str) for choice in get_args(setting.bare))
    return setting.bare is str
