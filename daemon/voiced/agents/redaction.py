"""Text from a server, made safe for a log: one short line without our secrets."""

from collections.abc import Callable, Iterable

MAX_CHARS = 200
MASK = "***"
SHORTEST_SECRET_CHARS = 4  # masking less would make every line unreadable

# A server may quote part of a prompt or key; shorter runs are ordinary words.
RUN_CHARS = 12

Safe = Callable[[object], str]  # `safe` with the secrets of one link


def safe(text: object, secrets: Iterable[str], longest: int = MAX_CHARS) -> str:
    """Return `text` in printable characters, secrets masked, at most `longest` characters.

    Anything but text becomes an empty string.
    """
    if not isinstance(text, str):
        return ""
    line = _printable(text[: 5 * longest])  # masking shortens the line, so look at more of it
    for secret in secrets:
        line = _masked(line, _printable(secret))
    return line if len(line) <= longest else line[: longest - 1] + "…"


def _printable(text: str) -> str:
    if not text.isprintable():
        text = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(text.split())


def _masked(line: str, secret: str) -> str:
    """Return `line` with `secret`, and every long enough part of it, masked."""
    if len(secret) < SHORTEST_SECRET_CHARS:
        return line
    if len(secret) <= RUN_CHARS:
        return line.replace(secret, MASK)
    pieces = []
    start = 0
    while start < len(line):
        end = start + RUN_CHARS
        if line[start:end] not in secret or end > len(line):
            pieces.append(line[start])
            start += 1
            continue
        while end < len(line) and line[start : end + 1] in secret:
            end += 1
        pieces.append(MASK)
        start = end
    return "".join(pieces)
