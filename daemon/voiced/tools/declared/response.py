"""The answer of a service or a program: JSON if it parses, else text."""

import codecs
import json
import math
import re
from collections.abc import Iterable

from voiced.agents.redaction import safe

MOST_REASON_CHARS = 300

_CHARSET = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9._:-]{1,40})", re.IGNORECASE)

# As browsers do: text declared as Latin-1 is mostly its superset, Windows-1252.
_READ_AS = {"iso8859-1": "cp1252", "ascii": "cp1252"}
# Python knows more codecs: some are slow, and some are no character sets.
_READABLE = frozenset(
    {
        *("cp1252", "utf-16", "utf-16-le", "utf-16-be", "koi8-r", "koi8-u", "mac-roman"),
        *(f"iso8859-{n}" for n in range(2, 17)),
        *(f"cp125{n}" for n in range(9)),
        *("shift_jis", "cp932", "euc_jp", "euc_kr", "cp949", "gb2312", "gbk", "gb18030", "big5"),
    }
)


def value_in(body: bytes, *, must_be_json: bool = False, content_type: str = "") -> object:
    """Return the value in `body`; an empty one means success.

    Numbers that are none (`NaN`, `1e999`) become null, so that the rest stays usable. A body that
    holds only such a number is text, unless it is declared as JSON.

    Args:
        body: The whole body.
        must_be_json: It is declared as JSON.
        content_type: Its Content-Type, for the character set; UTF-8 if it names none.

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
    """Return the reason in a refusal, on one line of at most `MOST_REASON_CHARS`; empty if it has none.

    Args:
        body: The whole body. HTML pages count as no reason.
        content_type: Its Content-Type.
        secrets: Texts to mask, as some services quote what they were sent.
    """
    try:
        text = text_in(body, content_type)
    except ValueError:
        return ""
    if "html" in content_type or text.startswith("<"):
        return ""
    return safe(text, secrets, MOST_REASON_CHARS)


def text_in(body: bytes, content_type: str = "") -> str:
    """Return `body` as text, stripped.

    Raises:
        ValueError: If it is not text; says so as the second half of a sentence.
    """
    for encoding in _encodings(content_type):
        try:
            text = body.decode(encoding, "replace" if encoding == "cp1252" else "strict")
        except UnicodeDecodeError:
            continue
        return text.lstrip("\ufeff").strip()
    raise ValueError("answered with something that is not text")


def _encodings(content_type: str) -> list[str]:
    """Return the encodings to try. UTF-8 first: servers that declare Latin-1 often send it.

    Text in another encoding hardly ever decodes as UTF-8, so trying is safe.
    """
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
