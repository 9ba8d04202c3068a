"""JSON within limits: what an agent hands to a tool, and what a tool hands back.

Neither is trusted. What is too large is found out before it is written as text, because writing
megabytes holds the loop.
"""

import json
import math

MOST_LEVELS = 32
_DIGITS_PER_BIT = math.log10(2)


class NotJsonError(ValueError):
    """JSON cannot hold the value."""


class TooLargeError(ValueError):
    """The value is longer, as JSON, than it may be; or nested too deeply."""


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
