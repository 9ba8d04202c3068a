"""JSON within limits, whoever wrote it: an agent, a tool, a server.

None of them is trusted. What is too large is found out before it is written as text, because writing
megabytes holds the loop; and what has too many values before it is parsed, because a megabyte of empty
lists becomes fifty of memory.
"""

import json
import math
import re

MOST_LEVELS = 32

MOST_PARTS = 32 * 1024
"""In one text. The costliest are objects of one key: 130 bytes for each bracket and comma."""

_STRING = re.compile(rb'"[^"]*"')
_DIGITS_PER_BIT = math.log10(2)


class NotJsonError(ValueError):
    """JSON cannot hold the value."""


class TooLargeError(ValueError):
    """The value is longer, as JSON, than it may be; or nested too deeply."""


def check_parts(text: str | bytes) -> None:
    """Make sure that parsing `text` as JSON takes little memory, in a few milliseconds at most.

    Raises:
        TooLargeError: If it may hold more than `MOST_PARTS` values.
    """
    if len(text) <= MOST_PARTS:
        return
    encoded = text.encode("utf-8", "replace") if isinstance(text, str) else text
    if parts_in(encoded) <= MOST_PARTS:
        return
    # What is quoted does not count: it may be JSON in a string, or somebody who says much.
    unescaped = encoded.replace(b"\\\\", b"").replace(b'\\"', b"")
    if unescaped.count(b'"') > 4 * MOST_PARTS:  # two around each string: a key and a value each
        raise TooLargeError
    if parts_in(_STRING.sub(b"", unescaped)) > MOST_PARTS:
        raise TooLargeError


def parts_in(encoded: bytes) -> int:
    """Return how many values a piece of JSON can hold: each has a bracket or a comma, or is the whole."""
    return 1 + encoded.count(b",") + encoded.count(b"[") + encoded.count(b"{")


def within(value: object, most_chars: int) -> None:
    """Make sure that `value` is JSON and hardly longer than `most_chars`.

    It is measured from below: without what escapes add. No more of it is looked at than that many
    characters, however large it is, and if it contains itself.

    Raises:
        NotJsonError: If it is no JSON.
        TooLargeError: If it is too long or too deep.
    """
    n_chars, level = 0, [value]
    for _ in range(MOST_LEVELS):
        deeper: list[object] = []
        for each in level:
            n_chars += _chars_in(each)
            if n_chars > most_chars:
                raise TooLargeError
            if isinstance(each, dict):
                if not all(isinstance(key, str) for key in each):
                    raise NotJsonError
                deeper += each
                deeper += each.values()
            elif isinstance(each, list | tuple):
                deeper += each
        if not deeper:
            return
        level = deeper
    raise TooLargeError


def as_json(value: object, most_chars: int) -> str:
    """Return `value` as JSON of at most `most_chars` characters.

    Raises:
        NotJsonError: If it is no JSON.
        TooLargeError: If it is too long or too deep.
    """
    within(value, most_chars)
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    if len(text) > most_chars:
        raise TooLargeError
    return text


def _chars_in(value: object) -> int:
    """Return how long `value` is at least, without what it contains but for commas and colons."""
    match value:
        case str():
            return len(value) + 2
        case None | bool():
            return 4
        case int():
            return 1 + int((value.bit_length() - 1) * _DIGITS_PER_BIT)
        case float() if math.isfinite(value):
            return 3
        case dict():
            return max(2, 1 + 2 * len(value))
        case list() | tuple():
            return max(2, 1 + len(value))
        case _:
            raise NotJsonError
