"""URLs with placeholders. No argument can change their scheme, host or folder."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from voiced.errors import Problem, ToolError
from voiced.lib.net_address import is_loopback
from voiced.tools.declared.template import as_text, fill, placeholders

_AUTHORITY = re.compile(r"https?://[A-Za-z0-9.:\[\]_-]+(?=[/?]|$)")
MOST_CHARS = 8000


def address(value: str, path: tuple[str, ...]) -> Iterator[Problem]:
    """Yield the problems of an address; its scheme and host must be fixed."""
    origin = _AUTHORITY.match(value)
    if "@" in value.partition("//")[2].partition("/")[0]:
        yield Problem(path, "contains a user name or password", "send it in a header")
    elif origin is None or not _is_sound(origin[0]):
        hint = "write https://host/path, with placeholders in path and query only"
        yield Problem(path, "not an address with a fixed host", hint)
    elif "#" in value:
        yield Problem(path, "has a part that is never sent (#)", "remove it")
    elif re.search(r"[^\x21-\x7e]", value):
        yield Problem(path, "contains characters that cannot be sent", "percent-encode them")
    elif _climbs(value):
        yield Problem(path, "has a part that is . or ..", "write the path itself")


def is_in_clear(url: str) -> bool:
    """Return whether the network can read what is sent to `url`: no TLS, and not this machine."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return False
    return not is_loopback(parts.hostname or "")


def filled_address(url: str, arguments: Mapping[str, Any]) -> str:
    """Return `url` with every placeholder filled, percent-encoded.

    Raises:
        ToolError: If an argument cannot be part of it.
    """
    split = url.find("?")
    path = url if split < 0 else url[:split]
    for name in placeholders(path):
        if not as_text(arguments[name]):
            raise ToolError(f"{name} must not be empty.")
    filled = fill(url, arguments, _encoded)
    if _climbs(filled):
        raise ToolError("These arguments cannot be part of an address.")
    if len(filled) > MOST_CHARS:
        raise ToolError("These arguments are too long.")
    return filled


def _climbs(url: str) -> bool:
    """Return whether the path has a `.` or `..`, also one that only some servers would see."""
    return not {".", ".."}.isdisjoint(re.split(r"[/\\]", unquote(urlsplit(url).path)))


def _encoded(value: object) -> str:
    try:
        return quote(as_text(value), safe="")
    except UnicodeEncodeError:
        raise ToolError("These arguments cannot be part of an address.") from None


def _is_sound(origin: str) -> bool:
    try:
        parts = urlsplit(origin)
        _ = parts.port
    except ValueError:
        return False
    return bool(parts.hostname)
