"""Check a document against a section: find every problem, not only the first.

Messages never quote the text that is checked: it may be a secret in the wrong place.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal, TypeVar, get_args, get_origin

import msgspec
from msgspec import UNSET, UnsetType

from voiced.errors import Guess, Problem
from voiced.lib.printable import hidden, holding, unseen
from voiced.lib.sections import Section, Setting, settings_in, suggestion

Path = tuple[str | int, ...]
AnySection = TypeVar("AnySection", bound=Section)

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_NUMBER_LIKE = (
    (r"[-+]?0[0-9]+", "write it without leading zeros"),
    (r"[-+]?[0-9.]+", "write it without quotes"),
    (r"[0-9]+(:[0-9]+)+|[0-9.]+ *[A-Za-z%]+", "write one number; the key says in which unit"),
)


def problems_in(value: object, kind: type[Section]) -> list[Problem]:
    """Return every problem of a value that must be a section of this kind."""
    checker = Checker()
    checker.section(kind, value, ())
    return checker.problems


class Checker:
    """Walks a section and a value together. The value comes from a document: limited in size, JSON types only."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def section(self, kind: type[AnySection], value: object, path: Path) -> AnySection | UnsetType:
        """Return the section `value` describes, or `UNSET` if it cannot be built."""
        if not isinstance(value, Mapping):
            problem = f"expected keys and values, got {_got(value)}"
            self.add(path, *or_hidden(value, problem, "write `key: value` lines"))
            return UNSET
        known = {setting.key: setting for setting in settings_in(kind)}
        kept: dict[str, Any] = {}
        for key, item in value.items():
            if key not in known:
                self.add((*path, key), *or_hidden(key, "unknown key", self.meant(key, kind)))
            elif (found := self.setting(known[key], item, (*path, key))) is not UNSET:
                kept[key] = found
        missing = [s for s in known.values() if s.required and s.key not in value]
        for setting in missing:
            self.add((*path, setting.key), "missing", f"it must be {setting.expects}")
        if any(setting.required and setting.key not in kept for setting in known.values()):
            return UNSET
        return kind(**kept)

    def setting(self, setting: Setting, value: object, path: Path) -> object:
        """Return the value of a setting, or of an item of one; `UNSET` if it is invalid."""
        if value is None and setting.default is None and not setting.required:
            return None if setting.section or setting.whole else self.single(setting, value, path)
        if (kind := setting.section or setting.whole) is not None:
            return self.section(kind, {} if value is None and setting.section else value, path)
        if setting.item is not None and isinstance(value, Mapping if setting.names else list):
            return self._items(setting, setting.item, value, path)
        return self.single(setting, value, path)

    def single(self, setting: Setting, value: object, path: Path) -> object:
        """Return a single value, or `UNSET` if it is invalid."""
        if not setting.is_prose and isinstance(value, str) and value != value.strip():
            blank = "begins or ends with a blank", "remove it"
            self.add(path, *or_hidden(value.strip(" \t\r\n"), *blank))
            return UNSET
        if found := _bad_character(value, path, _control if setting.is_prose else unseen):
            self.add(*found)
            return UNSET
        try:
            return msgspec.convert(value, setting.kind)
        except msgspec.ValidationError:
            problem = f"expected {setting.expects}, got {_got(value, setting)}"
            self.add(path, *or_hidden(value, problem, _hint(setting, value)))
            return UNSET

    def _items(self, setting: Setting, kind: Setting, value: Any, path: Path) -> object:
        """Return a list or mapping without its invalid items, or `UNSET` if its size is invalid."""
        if not setting.least <= len(value) <= setting.most:
            self.add(path, f"expected {setting.expects}, got {_got(value, setting)}", "")
            return UNSET
        kept: dict[Any, object] = {}
        items: Iterable[tuple[Any, Any]] = value.items() if setting.names else enumerate(value)
        for key, item in items:
            n_before = len(self.problems)
            found = self.setting(kind, item, (*path, key))
            if setting.names is not None:
                self._name(setting.names, key, (*path, key))
            if len(self.problems) == n_before:
                kept[key] = found
        return kept if setting.names else tuple(kept.values())

    def _name(self, names: Setting, name: str, path: Path) -> None:
        try:
            msgspec.convert(name, names.kind)
        except msgspec.ValidationError:
            wrong = "not a valid name here", f"use {names.expects}"
            self.add(path, *or_hidden(name, *wrong))
        else:
            if found := hidden(name):
                self.add(path, *found)

    def meant(self, key: str, kind: type[Section]) -> str | Guess:
        """Return a suggestion for an unknown key of a section."""
        return suggestion(key, [setting.key for setting in settings_in(kind)])

    def add(self, path: Path, problem: str, hint: str | Guess) -> None:
        """Note a problem."""
        self.problems.append(Problem(path, problem, hint))


def _control(text: str) -> str | None:
    """Return the first control character of `text`, except line breaks and tabs."""
    found = _CONTROL.search(text)
    return found[0] if found else None


def _texts_in(value: object, path: Path) -> Iterator[tuple[Path, str, bool]]:
    """Yield every text in `value`, where it is, and whether it is a key."""
    if isinstance(value, str):
        yield path, value, False
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield (*path, key), key, True
            yield from _texts_in(item, (*path, key))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from _texts_in(item, (*path, i))


def _bad_character(
    value: object, path: Path, first_in: Callable[[str], str | None]
) -> tuple[Path, str, str] | None:
    """Return path, problem and hint of the first bad character in `value` or below it.

    `first_in` finds one in a text; a key may not contain any hidden character.
    """
    for where, text, is_key in _texts_in(value, path):
        char = None if is_key else first_in(text)
        if found := hidden(text) if is_key else char and holding(text, char):
            return where, *found
    return None


def hidden_in(value: object) -> tuple[str, str] | None:
    """Return problem and hint of the first text in `value` with a hidden character."""
    return next(filter(None, (hidden(text) for _, text, _ in _texts_in(value, ()))), None)


def or_hidden(value: object, problem: str, hint: str | Guess) -> tuple[str, str | Guess]:
    """Return problem and hint: those of a hidden character in `value`, if it has one."""
    return hidden_in(value) or (problem, hint)


def _got(value: object, setting: Setting | None = None) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case str() | list() | Mapping() if setting is not None and len(value) > setting.most:
            return f"{len(value)} {'characters' if isinstance(value, str) else 'items'}"
        case str() if setting is not None and setting.least and not value:
            return "an empty text"
        case str():
            return "other text" if setting is not None and _takes_text(setting) else "text"
        case Mapping():
            return "keys and values"
        case _:
            return "a list" if value else "an empty list"


def _hint(setting: Setting, value: object) -> str | Guess:
    if value is None:
        return "give it a value or remove the key"
    if isinstance(value, str):
        return _hint_for_text(setting, value)
    is_single = not isinstance(value, Mapping | list)
    return "put it into quotes" if setting.bare is str and is_single else ""


def _hint_for_text(setting: Setting, text: str) -> str | Guess:
    if _takes_text(setting):
        choices = get_args(setting.bare)
        return Guess(text, choices, otherwise="") if choices else ""
    if setting.bare is bool:
        return "write true or false, without quotes"
    return next((hint for shape, hint in _NUMBER_LIKE if re.fullmatch(shape, text)), "")


def _takes_text(setting: Setting) -> bool:
    if get_origin(setting.bare) is Literal:
        return all(isinstance(choice, str) for choice in get_args(setting.bare))
    return setting.bare is str
