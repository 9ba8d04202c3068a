"""What a service or a program answered: JSON if it is, else text."""

import json
import math


def value_in(body: bytes, *, must_be_json: bool = False) -> object:
    """Return what `body` holds; an empty one says that all went well.

    Raises:
        ValueError: With what is wrong, as the second half of a sentence.
    """
    try:
        text = body.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise ValueError("answered with something that is not text") from None
    if not text:
        return {"ok": True}
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError):
        if must_be_json:
            raise ValueError("sent a broken answer") from None
    if any(ord(char) < ord(" ") and char not in "\r\n\t\f" for char in text):
        raise ValueError("answered with something that is not text")
    return text


def _refuse(constant: str) -> object:
    raise ValueError(constant)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(digits)
    return number
