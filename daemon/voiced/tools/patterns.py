"""Which regular expressions may be held against what an agent sends.

Matching cannot be interrupted, and holds up everything else in the process: an expression that
some text makes slow must be refused before there is any text.
"""

import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

MOST_STEPS = 10_000_000
"""About a second on a small board."""

FEW = 16
"""A repetition of at most so many cannot grow with the text."""


def fault(pattern: str, max_chars: int) -> str:
    """Return what is wrong with `pattern` for texts of so many characters, or an empty string."""
    try:
        re.compile(pattern)
        parsed = import_module("re._parser").parse(pattern)
    except (re.error, OverflowError, RecursionError):
        return "not a regular expression"
    repeats = list(_repeats(parsed, inside=False))
    if any(repeats):
        return "repeats what has repetitions or choices of its own, which can take for ever"
    starts = 0 if pattern.startswith("^") else 1
    if max_chars ** (len(repeats) + starts) > MOST_STEPS:
        return f"can take long for a text of {max_chars} characters"
    return ""


def _repeats(parsed: Any, *, inside: bool) -> Iterator[bool]:
    """Yield for everything that can repeat often whether it is dangerous: inside another, or a choice there."""
    for op, argument in parsed:
        name = str(op)
        often = name.endswith("REPEAT") and int(argument[1]) > FEW
        if often:
            yield inside
        elif inside and (name == "BRANCH" or _varies(name, argument)):
            yield True
        for child in _children(argument):
            yield from _repeats(child, inside=inside or often)


def _varies(name: str, argument: Any) -> bool:
    return name.endswith("REPEAT") and int(argument[0]) != int(argument[1])


def _children(argument: Any) -> Iterator[Any]:
    """Yield the parsed expressions within `argument`, however deep in tuples and lists."""
    if type(argument).__name__ == "SubPattern":
        yield argument
    elif isinstance(argument, tuple | list):
        for item in argument:
            yield from _children(item)
