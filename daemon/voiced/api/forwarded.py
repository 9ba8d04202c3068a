"""What a proxy tells about the client: `Forwarded` (RFC 7239) and `X-Forwarded-…`. Pure."""

import re
from collections.abc import Callable, Iterable, Sequence

from voiced.lib.net_address import Address, canonical

Headers = Sequence[tuple[str, str]]  # names in lower case and values, in their original order

# Names of headers that proxies add. Neither browsers nor Prometheus send them.
_SIGN = re.compile(
    r".*forward.*|via|cdn-loop|x-(original|real|true)-.*|(x-)?(proxy|envoy|varnish|azure|amzn|tunnel)-.*"
    r"|(cf|fly|fastly|tailscale|ngrok)-.*|.*[-_]?(client|remote|source|peer|user|originating|external)[-_]?"
    r"(ip|addr|address|host)|.*-ip"
)
MOST_CHARS = 1024  # of one header: the patterns below may scan it twice

_ELEMENT = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*")+')
_PAIR = re.compile(r'(?:[^;"]|"(?:[^"\\]|\\.)*")+')
_NODE = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::[0-9A-Za-z_.-]+)?|([0-9.]+)(?::[0-9A-Za-z_.-]+)?")
_UNTOLD = re.compile(r"unknown|_[A-Za-z0-9._-]+")


class MalformedError(ValueError):
    """The headers make no sense, or contradict each other."""


def is_forwarded(headers: Headers) -> bool:
    """Return whether a request came through a proxy that adds headers."""
    return any(_SIGN.fullmatch(name) for name, _ in headers)


def values(headers: Headers, name: str) -> list[str]:
    """Return every value of a header."""
    return [value for each, value in headers if each == name]


def visitor_behind(headers: Headers, is_proxy: Callable[[Address], bool]) -> Address | None:
    """Return the client of a trusted proxy; None if the proxy does not tell.

    The headers are read from the end, up to the first address that is not a trusted proxy: what
    comes before was written by others. If the two headers name different clients, the client made
    one of them up.

    Raises:
        MalformedError: If the headers are malformed, or contradict each other.
    """
    listed = _listed(headers, "x-forwarded-for")
    chains = [_elements(headers, "for"), [it.strip() for it in listed.split(",") if it.strip()]]
    found = {_last(map(_address, chain), is_proxy) for chain in chains if chain}
    if len(found) > 1:
        raise MalformedError
    return found.pop() if found else None


def is_secure(headers: Headers) -> bool:
    """Return whether the client used TLS, according to the last proxy."""
    told = [*_elements(headers, "proto"), *values(headers, "x-forwarded-proto")]
    return bool(told) and told[-1].rpartition(",")[2].strip().lower() == "https"


def asked_hosts(headers: Headers) -> list[str]:
    """Return the hosts that the client asked for, according to the proxy."""
    listed = values(headers, "x-forwarded-host")
    return [*_elements(headers, "host")[-1:], *(it.rpartition(",")[2].strip() for it in listed)]


def _elements(headers: Headers, key: str) -> list[str]:
    """Return the values of `key` in the elements of `Forwarded`."""
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
    """Return the last address that is no trusted proxy; the first one if all are."""
    address = None
    for address in reversed([*chain]):
        if address is None or not is_proxy(address):
            break
    return address


def _address(text: str) -> Address | None:
    """Return the address in a node of such a header; None if the proxy hides it."""
    if _UNTOLD.fullmatch(text):
        return None
    node = _NODE.fullmatch(text)
    try:
        return canonical(text if node is None else node[1] or node[2])
    except ValueError:
        raise MalformedError from None
