"""Checks that report everything wrong with a value, and where."""

from collections.abc import Callable, Iterator, Mapping
from math import inf
from typing import Any

from voiced.errors import Guess, Problem
from voiced.lib.printable import hidden, holding, unseen

Path = tuple[str | int, ...]

Check = Callable[[Any, Path], Iterator[Problem]]
"""Yields what is wrong with the value at the path."""

MAX_DEPTH = 32  # a YAML alias can make a value that contains itself


def text(
    *, max_chars: int | None = None, may_be_empty: bool = True, is_name: bool = False
) -> Check:
    """Return a check for text; a name is a single line that can be seen as it is."""

    def check(value: Any, path: Path) -> Iterator[Problem]:
        if not isinstance(value, str):
            yield wrong_type(value, path, "text")
        elif not value and not may_be_empty:
            yield Problem(path, "must not be empty")
        elif max_chars is not None and len(value) > max_chars:
            yield Problem(path, f"must have at most {max_chars} characters, not {len(value)}")
        elif not _encodable(value):
            yield Problem(path, "holds half a character (a lone surrogate)", "remove the escape")
        elif is_name and (char := unseen(value)) is not None:
            yield Problem(path, *holding(value, char))

    return check


def one_of(*choices: str) -> Check:
    """Return a check for one of a few words."""

    def check(value: Any, path: Path) -> Iterator[Problem]:
        if not isinstance(value, str):
            yield wrong_type(value, path, "text")
        elif value not in choices:
            yield Problem(
                path, *(hidden(value) or ("unknown value", Guess(value, choices, quote="'")))
            )

    return check


def number(low: float, high: float = inf, *, whole: bool = False) -> Check:
    """Return a check for a number from `low` to `high`."""
    kind = "a whole number" if whole else "a number"
    limits = f"of at least {low:g}" if high == inf else f"from {low:g} to {high:g}"

    def check(value: Any, path: Path) -> Iterator[Problem]:
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            yield wrong_type(value, path, kind)
        elif not low <= value <= high:
            yield Problem(path, f"must be {kind} {limits}")

    return check


def truth() -> Check:
    """Return a check for true or false."""

    def check(value: Any, path: Path) -> Iterator[Problem]:
        if not isinstance(value, bool):
            yield wrong_type(value, path, "true or false")

    return check


def list_of(item: Check, *, max_items: int | None = None) -> Check:
    """Return a check for a list whose items pass `item`."""

    def check(value: Any, path: Path) -> Iterator[Problem]:
        if not isinstance(value, list | tuple):
            yield wrong_type(value, path, "a list")
            return
        if max_items is not None and len(value) > max_items:
            yield Problem(path, f"must have at most {max_items} items, not {len(value)}")
        for index, element in enumerate(value):
            yield from item(element, (*path, index))

    return check


def mapping(keys: Mapping[str, Check], *, required: tuple[str, ...] = ()) -> Check:
    """Return a check for a mapping with these keys and no others."""

    def check(value: Any, path: Path) -> Iterator[Problem]:
        if not isinstance(value, Mapping):
            yield wrong_type(value, path, "a mapping")
            return
        for key, item in value.items():
            where = (*path, _step(key))
            if key in keys:
                yield from keys[key](item, where)
            else:
                known = Guess(key, tuple(keys), "known keys:", "'")
                yield Problem(where, *(hidden(str(key)) or ("unknown key", known)))
        for key in required:
            if key not in value:
                yield Problem((*path, key), "is missing")

    return check


def json_value(value: Any, path: Path) -> Iterator[Problem]:
    """Check for something JSON can hold."""
    if isinstance(value, Mapping):
        children = [(_step(key), item) for key, item in value.items()]
    elif isinstance(value, list | tuple):
        children = list(enumerate(value))
    elif isinstance(value, str):
        yield from text()(value, path)
        return
    elif value is None or isinstance(value, bool | int | float):
        return
    else:
        yield Problem(path, f"must be something JSON can hold, not {_kind(value)}", "quote it")
        return
    if len(path) >= MAX_DEPTH:
        yield Problem(path, "is nested too deeply")
        return
    for step, item in children:
        yield from json_value(item, (*path, step))


def wrong_type(value: Any, path: Path, expected: str) -> Problem:
    """Return the problem of a value that is not what is `expected`."""
    if value is None:
        return Problem(path, "must not be null", "leave the key out instead")
    hint = "put it in quotes" if expected == "text" and not _is_nested(value) else ""
    return Problem(path, f"must be {expected}, not {_kind(value)}", hint)


def _step(key: object) -> str | int:
    return key if isinstance(key, str | int) else repr(key)


def _encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_nested(value: object) -> bool:
    return isinstance(value, Mapping | list | tuple)


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "text"
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, list | tuple) else f"a {type(value).__name__}"
