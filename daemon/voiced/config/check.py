"""Hold a document against the schema: every fault it has, not only the first.

Text from the file is never repeated in a message: it may be a secret in the wrong place.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, get_args, get_origin

import msgspec

from voiced.config.document import Document, KeyPath
from voiced.config.fields import Setting, every_setting, settings_in, suggestion
from voiced.config.kinds import Section
from voiced.config.schema import Settings
from voiced.config.secret import Secret, read_reference
from voiced.errors import Problem

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
                path, f"expected keys and values, got {_got(value)}", "write `key: value` lines"
            )
            return None
        known = {setting.key: setting for setting in settings_in(kind)}
        kept: dict[str, Any] = {}
        for key, item in value.items():
            if key not in known:
                self._add((*path, key), "unknown key", _elsewhere(key) or suggestion(key, known))
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
            self._add(path, "begins or ends with a blank", "remove it")
            return None
        if found := _control_character(value, path):
            place, character = found
            self._add(place, f"holds the control character U+{ord(character):04X}", "remove it")
            return None
        try:
            return msgspec.convert(value, setting.kind)
        except msgspec.ValidationError:
            got = "other text" if isinstance(value, str) and _takes_text(setting) else _got(value)
            problem = f"expected {setting.expects}, got {got}"
            self._add(path, problem, _hint(setting, value))
            return None

    def _secret(self, value: object, path: KeyPath) -> Secret | None:
        if value is None:
            return None
        found = read_reference(value, self._document.where(path))
        if isinstance(found, Secret):
            return found
        self._add(path, *found)
        return None

    def _add(self, path: KeyPath, problem: str, hint: str) -> None:
        self.problems.append(Problem(path, problem, hint))


def _control_character(value: object, path: KeyPath) -> tuple[KeyPath, str] | None:
    """Return a character that is no text, and where in `value` it is; lines may end and be indented."""
    match value:
        case str():
            found = _CONTROL.search(value)
            return (path, found[0]) if found else None
        case Mapping():
            inside = [(key, path) for key in value]
            inside += [(item, (*path, key)) for key, item in value.items()]
        case list():
            inside = [(item, (*path, at)) for at, item in enumerate(value)]
        case _:
            return None
    return next(filter(None, (_control_character(*each) for each in inside)), None)


def _elsewhere(key: str) -> str:
    """Return where a key belongs that has its one place in another section."""
    places = [path for path, _ in every_setting(Settings) if path[-1] == key]
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


def _hint(setting: Setting, value: object) -> str:
    if value is None:
        return "give it a value or remove the key"
    if isinstance(value, str):
        return _hint_for_text(setting, value)
    if isinstance(value, list):
        return "every item must be text" if get_origin(setting.bare) is tuple else ""
    return "put it into quotes" if setting.bare is str and not isinstance(value, Mapping) else ""


def _hint_for_text(setting: Setting, text: str) -> str:
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
