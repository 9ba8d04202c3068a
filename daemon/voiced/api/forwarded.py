"""What a proxy tells of those it speaks for: `Forwarded` (RFC 7239) and `X-Forwarded-…`. Pure."""

import re
from collections.abc import Callable, Iterable, Sequence

from voiced.lib.net_address import Address, canonical

Headers = Sequence[tuple[str, str]]
"""Names in small letters, and values, in the order in which they came."""

_SIGN = re.compile(
    r".*forward.*|via|cdn-loop|x-(original|real|true)-.*|(x-)?(proxy|envoy|varnish|azure|amzn|tunnel)-.*"
    r"|(cf|fly|fastly|tailscale|ngrok)-.*|.*[-_]?(client|remote|source|peer|user|originating|external)[-_]?"
    r"(ip|addr|address|host)|.*-ip"
)
"""Names of headers by which proxies tell of visitors. No browser sends them, nor does Prometheus."""
MOST_CHARS = 1024
"""As long as what proxies say about one visitor may be: the patterns below may look at it twice."""

_ELEMENT = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*")+')
_PAIR = re.compile(r'(?:[^;"]|"(?:[^"\\]|\\.)*")+')
_NODE = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::[0-9A-Za-z_.-]+)?|([0-9.]+)(?::[0-9A-Za-z_.-]+)?")
_UNTOLD = re.compile(r"unknown|_[A-Za-z0-9._-]+")


class MalformedError(ValueError):
    """The headers make no sense, or contradict each other."""


def is_forwarded(headers: Headers) -> bool:
    """Tell whether a request was passed on by somebody who says so."""
    return any(_SIGN.fullmatch(name) for name, _ in headers)


def values(headers: Headers, name: str) -> list[str]:
    """Return every value of a header."""
    return [value for each, value in headers if each == name]


def visitor_behind(headers: Headers, is_proxy: Callable[[Address], bool]) -> Address | None:
    """Return whom a proxy that we trust speaks for; None if it does not tell.

    What others than such proxies have written into the headers does not count: they are read from
    the end, up to the first address that is not one of ours. Where both headers are there and
    tell of two visitors, one was made up by the visitor.

    Raises:
        MalformedError: If the headers make no sense.
    """
    listed = _listed(headers, "x-forwarded-for")
    chains = [_elements(headers, "for"), [it.strip() for it in listed.split(",") if it.strip()]]
    found = {_last(map(_address, chain), is_proxy) for chain in chains if chain}
    if len(found) > 1:
        raise MalformedError
    return found.pop() if found else None


def is_secure(headers: Headers) -> bool:
    """Tell whether the last proxy was talked to over TLS, as it says."""
    told = [*_elements(headers, "proto"), *values(headers, "x-forwarded-proto")]
    return bool(told) and told[-1].rpartition(",")[2].strip().lower() == "https"


def asked_hosts(headers: Headers) -> list[str]:
    """Return whom the visitor asked for, as the proxy says."""
    listed = values(headers, "x-forwarded-host")
    return [*_elements(headers, "host")[-1:], *(it.rpartition(",")[2].strip() for it in listed)]


def _elements(headers: Headers, key: str) -> list[str]:
    """Return what the elements of `Forwarded` say about `key`."""
    found = []
    for element in _ELEMENT.findall(_listed(headers, "forwarded")):
        for pair in _PAIR.findall(element):
            name, _, value = pair.strip().partition("=")
            if name.lower() == key:
                found.append(re.sub(r"\\(.)", r"\1", value.strip('"')))
    return found


def _listed(headers: Headers, name: str) -> str:
    listed = ",".join(values(headers, name))
    if len(listed) > MOST_CHARS:
        raise MalformedError
    return listed


def _last(chain: Iterable[Address | None], is_proxy: Callable[[Address], bool]) -> Address | None:
    """Return the last address that is not a proxy of ours; the first one if all are."""
    address = None
    for address in reversed([*chain]):
        if address is None or not is_proxy(address):
            break
    return address


def _address(text: str) -> Address | None:
    """Return the address in a node of such a header; None if it hides it."""
    if _UNTOLD.fullmatch(text):
        return None
    node = _NODE.fullmatch(text)
    try:
        return canonical(text if node is None else node[1] or node[2])
    except ValueError:
        raise MalformedError from None
