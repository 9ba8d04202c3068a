"""Escape foreign text for a terminal or a log, so that every character is visible and harmless.

An escape sequence moves the cursor, a line break forges a log line, a direction mark reverses a sentence. Such text
comes from agents, servers, sound cards and people.
"""

import re

_JOINERS = "\u200c\u200d"
"""Joiners and non-joiners, which Persian and emoji need; they are harmless."""

_SHAPELESS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200c\u200d\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Legitimate characters without a shape: joiners, variation selectors, fillers."""

_SPECIAL = re.compile(r"[^\x20-\x7e]")
_NAMED = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def shown(text: str) -> str:
    r"""Return `text` as one line, with invisible characters escaped like `\u001b`.

    These are JSON's escapes: JSON stays JSON with the same meaning.
    """
    return text if text.isascii() and text.isprintable() else _SPECIAL.sub(_escaped, text)


def unseen(text: str) -> str | None:
    """Return the first character of `text` that is invisible or breaks the line, or None."""
    return next((char for char in _SPECIAL.findall(text) if not _is_seen(char)), None)


def hidden(text: str) -> tuple[str, str] | None:
    """Return problem and hint for text with a hidden character; None if there is none.

    Hidden are invisible characters, and every blank other than the space.
    """
    if text.isascii() and text.isprintable():
        return None
    char = next((each for each in text if _is_hidden(each)), None)
    return None if char is None else holding(text, char)


def holding(text: str, char: str) -> tuple[str, str]:
    """Return problem and hint for `char` in `text`, without quoting the rest of it."""
    hint = "write a space" if char.isspace() and not _breaks(char) else "remove it"
    return f"contains {_called(char)} at position {text.index(char) + 1}", hint


def _called(char: str) -> str:
    import unicodedata  # large, and rarely needed

    name = unicodedata.name(char, "").lower()
    is_control = unicodedata.category(char) == "Cc" or (char.isspace() and _breaks(char))
    kind = "control" if is_control else "blank" if char.isspace() else "invisible"
    return f"the {kind} character U+{ord(char):04X}" + (f" ({name})" if name else "")


def _is_hidden(char: str) -> bool:
    is_blank = char.isspace() and char != " "
    return is_blank or not _is_seen(char) or _SHAPELESS.match(char) is not None


def _is_seen(char: str) -> bool:
    return char.isprintable() or char in _JOINERS or (char.isspace() and not _breaks(char))


def _escaped(found: re.Match[str]) -> str:
    char = found[0]
    if _is_seen(char):
        return char
    if char in _NAMED:
        return _NAMED[char]
    # JSON escapes UTF-16 units: two for a character beyond U+FFFF.
    units = char.encode("utf-16-be", "surrogatepass").hex()
    return "".join(rf"\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def _breaks(char: str) -> bool:
    """Tell whether a character is a control character, or separates lines or paragraphs."""
    return char <= "\x1f" or "\x7f" <= char <= "\x9f" or char in "\u2028\u2029"
