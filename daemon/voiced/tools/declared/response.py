"""What a service or a program answered: JSON if it is, else text."""

import codecs
import json
import math
import re
from collections.abc import Iterable

from voiced.agents.redaction import safe

MOST_REASON_CHARS = 300

_CHARSET = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9._:-]{1,40})", re.IGNORECASE)

# As browsers read them: what calls itself Latin-1 mostly is its superset of Windows.
_READ_AS = {"iso8859-1": "cp1252", "ascii": "cp1252"}
_READABLE = frozenset(
    {
        *("cp1252", "utf-16", "utf-16-le", "utf-16-be", "koi8-r", "koi8-u", "mac-roman"),
        *(f"iso8859-{n}" for n in range(2, 17)),
        *(f"cp125{n}" for n in range(9)),
        *("shift_jis", "cp932", "euc_jp", "euc_kr", "cp949", "gb2312", "gbk", "gb18030", "big5"),
    }
)
"""Python knows more, some of them slow, and some no character sets at all."""


def value_in(body: bytes, *, must_be_json: bool = False, content_type: str = "") -> object:
    """Return what `body` holds; an empty one says that all went well.

    What JSON writes as a number that is none (`NaN`, `1e999`) is null: nobody can say it, and the rest counts.
    Where it is all there is, and nobody said that it is JSON, it is text.

    Args:
        body: All of it.
        must_be_json: It says that it is.
        content_type: What it says that it is; tells the character set, which is UTF-8 otherwise.

    Raises:
        ValueError: With what is wrong, as the second half of a sentence.
    """
    text = text_in(body, content_type)
    if not text:
        return {"ok": True}
    try:
        value = json.loads(text, parse_constant=lambda _: None, parse_float=_finite)
        if value is not None or must_be_json or text == "null":
            return value
    except (ValueError, RecursionError):
        if must_be_json:
            raise ValueError("sent a broken answer") from None
    if any(ord(char) < ord(" ") and char not in "\r\n\t\f" for char in text):
        raise ValueError("answered with something that is not text")
    return text


def reason_in(body: bytes, content_type: str, secrets: Iterable[str]) -> str:
    """Return why a service refuses, on one line of at most `MOST_REASON_CHARS`; empty if it does not say.

    Args:
        body: All of its answer. Pages for people are no reason.
        content_type: What it says that it is.
        secrets: What must not be in it: some services repeat what they were sent.
    """
    try:
        text = text_in(body, content_type)
    except ValueError:
        return ""
    if "html" in content_type or text.startswith("<"):
        return ""
    return safe(text, secrets, MOST_REASON_CHARS)


def text_in(body: bytes, content_type: str = "") -> str:
    """Return `body` as text, without the blanks around it.

    Raises:
        ValueError: If it is not, with what is wrong as the second half of a sentence.
    """
    for encoding in _encodings(content_type):
        try:
            text = body.decode(encoding, "replace" if encoding == "cp1252" else "strict")
        except UnicodeDecodeError:
            continue
        return text.lstrip("\ufeff").strip()
    raise ValueError("answered with something that is not text")


def _encodings(content_type: str) -> list[str]:
    """Return what to try. Servers that declare Latin-1 often send UTF-8, which nothing else looks like."""
    found = _CHARSET.search(content_type)
    try:
        declared = codecs.lookup(found[1]).name if found else ""
    except LookupError:
        return ["utf-8"]
    declared = _READ_AS.get(declared, declared)
    if declared not in _READABLE:
        return ["utf-8"]
    return [declared] if declared.startswith("utf-16") else ["utf-8", declared]


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None
