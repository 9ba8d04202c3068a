"""Limits for JSON from agents, tools and servers, none of which is trusted.

Size is checked before a value is encoded, because encoding megabytes blocks the loop. The number of values is
checked before a text is parsed, because a megabyte of empty lists takes fifty megabytes of memory.
"""

import json
import math
import re

MOST_LEVELS = 32

MOST_PARTS = 32 * 1024
"""Values in one text. The most expensive are objects with one key: 130 bytes per bracket and comma."""

_STRING = re.compile(rb'"[^"]*"')
_DIGITS_PER_BIT = math.log10(2)


class NotJsonError(ValueError):
    """The value cannot be encoded as JSON."""


class TooLargeError(ValueError):
    """The value is too long as JSON, or nested too deeply."""


def check_parts(text: str | bytes) -> None:
    """Check, within a few milliseconds, that parsing `text` as JSON takes little memory.

    Raises:
        TooLargeError: If it may contain more than `MOST_PARTS` values.
    """
    if len(text) <= MOST_PARTS:
        return
    encoded = text.encode("utf-8", "replace") if isinstance(text, str) else text
    if parts_in(encoded) <= MOST_PARTS:
        return
    # Strings do not count: they may contain JSON, or much text.
    # Pairs of backslashes go first: the second one of a pair does not escape a quote.
    unescaped = encoded.replace(b"\\\\", b"").replace(b'\\"', b"")
    if unescaped.count(b'"') > 4 * MOST_PARTS:  # two around each string: a key and a value each
        raise TooLargeError
    if parts_in(_STRING.sub(b"", unescaped)) > MOST_PARTS:
        raise TooLargeError


def parts_in(encoded: bytes) -> int:
    """Return an upper limit of the values in a JSON text: each but the first follows a comma or a bracket."""
    return 1 + encoded.count(b",") + encoded.count(b"[") + encoded.count(b"{")


def within(value: object, most_chars: int) -> None:
    """Check that `value` can be JSON and is hardly longer than `most_chars`.

    The measure is a lower limit, without escapes. The check stops after that many characters, even if the value
    contains itself.

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
    """Return the least length of `value` itself, including commas and colons but not its contents."""
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
