"""What a server answers that is asked for settings: where it leads, what it may be, and words for what is odd.

Nothing that a header says is repeated in a message, and none of them is more than a reason to try again later.
"""

import re
import zlib
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import SplitResult, urldefrag, urljoin, urlsplit

from voiced import __version__
from voiced.agents.codec import HttpAnswer, HttpCall
from voiced.config.signature import SUFFIX
from voiced.config.yaml_document import MAX_BYTES
from voiced.errors import ConfigError, LinkError
from voiced.lib.net_address import is_loopback
from voiced.ports import HttpCaller

NAME = "remote"
ADDRESS = "remote.url"
MOST_REDIRECTS = 3
MOST_ADDRESS_CHARS = 2048
MOST_VALIDATOR_CHARS = 1024
MOST_MEMBERS = 64
"""Of gzip, in one answer: to unpack one copies all that follow it."""

OK, NOT_MODIFIED = 200, 304

_MOVED = {301, 302, 303, 307, 308}
_VALIDATORS = {"etag": "If-None-Match", "last-modified": "If-Modified-Since"}
_USUAL_KINDS = {
    *("", "text/plain", "application/octet-stream", "binary/octet-stream", "application/json"),
    *("application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml", "text/vnd.yaml"),
}
_PAGES = {"text/html", "application/xhtml+xml"}
_NO_TEXT = ("image/", "audio/", "video/", "font/", "multipart/", "message/")
_GZIP = ("gzip", "x-gzip")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_WORD = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,60}")
_NETLOC = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")
_KIND = re.compile(rf"{_WORD.pattern}/{_WORD.pattern}")


async def get(call: HttpCaller, url: str, validators: Mapping[str, str]) -> HttpAnswer:
    """Return the answer, wherever it is, unpacked if it came compressed.

    Raises:
        ConfigError: If it is where it must not be, or packed so that it cannot be read.
        LinkError: If there is none, or another one than is useful.
    """
    headers = {"Accept": "application/yaml, text/yaml, */*", "User-Agent": f"voiced/{__version__}"}
    for _ in range(MOST_REDIRECTS + 1):
        answer = await call(HttpCall("GET", url, {**headers, **validators}))
        if answer.status not in _MOVED:
            return unpacked(answer)
        url = _elsewhere(url, answer.headers.get("location", ""))
    raise ConfigError(ADDRESS, "the server redirects too often", "fix the server")


def signature_url(url: str) -> str:
    """Return where the signature of what is at `url` is."""
    parts = urlsplit(url)
    return parts._replace(path=parts.path + SUFFIX).geturl()


def check_kind(answer: HttpAnswer, *, asked_for_changes: bool) -> None:
    """Return if `answer` may hold settings.

    Args:
        answer: What the server answered.
        asked_for_changes: It was told what we have.

    Raises:
        ConfigError: If it is something else.
        LinkError: If it is nothing.
    """
    if answer.status == NOT_MODIFIED and not asked_for_changes:
        raise LinkError("the server says that nothing has changed (304), but sent nothing before")
    if answer.status != OK:
        raise LinkError(f"the server answered {answer.status}")
    if answer.body.removeprefix(_BYTE_ORDER_MARK).lstrip()[:1] == b"<":
        raise _page()


def _page() -> ConfigError:
    problem = "the server sent a web page, not settings"
    return ConfigError(NAME, problem, "does this network have a login page?")


def unpacked(answer: HttpAnswer) -> HttpAnswer:
    """Return `answer` as it was before the server compressed it, which nobody had asked for.

    Raises:
        ConfigError: If that cannot be undone, or is longer than settings may be.
    """
    packing = answer.headers.get("content-encoding", "identity").strip().lower()
    if packing in ("", "identity") or answer.status != OK or not answer.body:
        return answer
    if packing not in _GZIP:
        how = f" ({packing})" if _WORD.fullmatch(packing) else ""
        problem = f"the server sent them compressed{how}, which was not asked for"
        raise ConfigError(NAME, problem, "switch compression off for this file")
    return replace(answer, body=_gunzipped(answer.body))


def _gunzipped(rest: bytes) -> bytes:
    """Return what is in the members of gzip, one after the other (RFC 1952, 2.2); zeros may pad the last one.

    Raises:
        ConfigError: If there is something else, or it is longer than settings may be.
    """
    found = b""
    for _ in range(MOST_MEMBERS + 1):
        if not rest:
            return found
        unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        try:
            found += unpacking.decompress(rest, MAX_BYTES + 1 - len(found))
        except zlib.error:
            problem = "the server sent them compressed (gzip), but not whole, or with more behind"
            raise ConfigError(NAME, problem, "switch compression off for this file") from None
        if len(found) > MAX_BYTES:
            problem = f"larger than {MAX_BYTES // 1024} KiB once it is unpacked"
            raise ConfigError(NAME, problem, "is it the right file?")
        if not unpacking.eof:
            problem = "the server sent them compressed (gzip), but not whole"
            raise ConfigError(NAME, problem, "switch compression off for this file")
        rest = unpacking.unused_data.lstrip(b"\0")
    problem = f"the server sent them compressed (gzip), in more than {MOST_MEMBERS} parts"
    raise ConfigError(NAME, problem, "switch compression off for this file")


def naming_kind(answer: HttpAnswer, error: ConfigError) -> ConfigError:
    """Return `error`, which says why `answer` is no settings file, with what the server calls it.

    What a server calls it decides nothing: many call every file a page, or a picture.
    """
    kind = _kind(answer)
    if kind in _PAGES:
        return _page()
    if kind.startswith(_NO_TEXT):
        problem = f"the server sent {_called(kind)}, not settings"
        return ConfigError(NAME, problem, "does the address lead to the file?")
    if kind in _USUAL_KINDS:
        return error
    problem = f"{error.problem} (the server calls it {_called(kind)})"
    return ConfigError(error.where, problem, error.hint)


def validators_of(answer: HttpAnswer) -> tuple[dict[str, str], str]:
    """Return the headers with which to ask whether there is something newer than `answer`.

    Returns:
        The headers, and the names of those in `answer` that HTTP cannot carry back.
    """
    found, odd = {}, []
    for name, request in _VALIDATORS.items():
        value = answer.headers.get(name)
        if value is None:
            continue
        if value.isascii() and value.isprintable() and len(value) <= MOST_VALIDATOR_CHARS:
            found[request] = value
        else:
            odd.append(name.title())
    return found, " and ".join(odd)


def _elsewhere(before: str, location: str) -> str:
    """Return the address to which the server at `before` sends us.

    Raises:
        ConfigError: If there is none, or it must not be followed.
    """
    if not location:
        problem = "the server redirects without saying where to"
        raise ConfigError(ADDRESS, problem, "fix the server")
    parts = _parts(before, location)
    if parts is None:
        problem = "the server redirects to something that is not an address"
        raise ConfigError(ADDRESS, problem, "fix its Location header")
    stays_here = parts.scheme == urlsplit(before).scheme and is_loopback(parts.hostname or "")
    if parts.scheme != "https" and not stays_here:
        problem = "the server redirects to an address that is not https"
        raise ConfigError(ADDRESS, problem, "fix the server")
    return parts.geturl()


def _parts(before: str, location: str) -> SplitResult | None:
    """Return where `location` leads from `before`; None if that is no address."""
    if not (location.isascii() and location.isprintable()) or len(location) > MOST_ADDRESS_CHARS:
        return None
    try:
        parts = urlsplit(urldefrag(urljoin(before, location)).url)
        (parts.hostname or "").encode("idna")
        is_web = parts.port != 0 and _NETLOC.fullmatch(parts.netloc) is not None
    except ValueError:
        return None
    return parts if is_web or parts.scheme not in ("http", "https") else None


def _kind(answer: HttpAnswer) -> str:
    return answer.headers.get("content-type", "").partition(";")[0].strip().lower()


def _called(kind: str) -> str:
    return kind if _KIND.fullmatch(kind) else "something without a name"
