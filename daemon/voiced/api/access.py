"""Access control of the web servers: by host, origin, sender and token of a request. Pure."""

import hmac
import ipaddress
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from http import HTTPStatus

from voiced.api.admission import Rank
from voiced.api.forwarded import (
    Headers,
    MalformedError,
    asked_hosts,
    is_forwarded,
    is_secure,
    values,
    visitor_behind,
)
from voiced.lib.net_address import Address, canonical, is_loopback

COOKIE = "voiced"
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
HOUSEHOLD_BITS = 64  # in IPv6, one household has all addresses with the same prefix
MOST_HOST_CHARS = 255  # the longest name in DNS

# Sent with every answer: what a browser must not do with it.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-cache",
}

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?")
_BEARER = "Bearer "

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class RefusedError(Exception):
    """A request is refused.

    Attributes:
        status: The HTTP status.
        reason: The text of the answer.
    """

    def __init__(self, status: HTTPStatus, reason: str = "") -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason or status.phrase


@dataclass(frozen=True, slots=True)
class Visitor:
    """The sender of a request.

    Attributes:
        group: What limits count as one: an address, in IPv6 a whole network.
        is_device: A program on this device, for example its own screen.
        is_known: It sent the token.
        is_secure: It uses TLS as far as the proxy.
    """

    group: str = ""
    is_device: bool = False
    is_known: bool = False
    is_secure: bool = False

    @property
    def rank(self) -> Rank:
        """The rank whose places it may take."""
        if self.is_device:
            return Rank.OWN
        return Rank.MEMBER if self.is_known else Rank.STRANGER

    @property
    def may_enter(self) -> bool:
        """Whether it may see and control the device."""
        return self.is_device or self.is_known


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """The rules of one web server.

    Attributes:
        port: The port of the server.
        names: Its host names besides the device's own. Such a name may lead to a proxy on this
            device, so a connection from this device then proves nothing, unless `proxies` tells
            the proxy apart.
        token: What visitors from elsewhere must send; None lets only this device in.
        proxies: Networks of the proxies whose forwarding headers are trusted.
        is_own: Returns whether a name or an address is this device's.
    """

    port: int
    names: Collection[str] = ()
    token: str | None = None
    proxies: Collection[Network] = ()
    is_own: Callable[[str], bool] = lambda _name: False

    def arrival(self, peer: str) -> tuple[Rank, str]:
        """Return rank and group of a new connection that has sent nothing yet."""
        at_home = is_loopback(peer) and not self._is_proxy(peer)
        return (Rank.OWN if at_home else Rank.STRANGER), group_of(peer)

    def visitor(self, peer: str, headers: Headers) -> Visitor:
        """Return the sender of a request from the address `peer`.

        Raises:
            RefusedError: If it is malformed, not for this host, or from another page.
        """
        _require_text(headers)
        try:
            return self._judge(peer, headers)
        except MalformedError:
            problem = "The proxy describes the visitor in an unknown form."
            raise RefusedError(HTTPStatus.BAD_REQUEST, problem) from None

    def _judge(self, peer: str, headers: Headers) -> Visitor:
        hosts, origins = values(headers, "host"), values(headers, "origin")
        by_proxy = self._is_proxy(peer)
        if len(hosts) != 1 or len(origins) > 1 or (named := _split(hosts[0])) is None:
            raise RefusedError(HTTPStatus.BAD_REQUEST)
        if not self._is_ours(*named, any_port=by_proxy):
            raise RefusedError(
                HTTPStatus.MISDIRECTED_REQUEST, "This device does not answer to that host name."
            )
        asked = [*hosts, *(asked_hosts(headers) if by_proxy else ())]
        if origins and not self._is_our_page(origins[0], asked, by_proxy=by_proxy):
            raise RefusedError(HTTPStatus.FORBIDDEN, "Requests from other pages are refused.")
        behind = visitor_behind(headers, self._is_proxy_at) if by_proxy else None
        is_direct = is_loopback(peer) and not by_proxy and not is_forwarded(headers)
        proxies_known = not self.names or bool(self.proxies)
        return Visitor(
            group=group_of(peer if behind is None else str(behind)),
            is_device=is_direct and named[0] in LOOPBACK_NAMES and proxies_known,
            is_known=any(map(self.knows, _tokens_sent(headers))),
            is_secure=by_proxy and is_secure(headers),
        )

    def knows(self, shown: str) -> bool:
        """Return whether that is the token, in the same time for every wrong one."""
        token = self.token
        return token is not None and hmac.compare_digest(shown.encode(), token.encode())

    def _is_ours(self, name: str, port: int | None, *, any_port: bool) -> bool:
        """Return whether a request is for one of our names: DNS rebinding uses another one."""
        if name in {each.lower() for each in self.names}:
            return True  # a proxy may have any port
        if port not in (None, self.port) and not any_port:
            return False
        return name in LOOPBACK_NAMES or self.is_own(name)

    def _is_our_page(self, origin: str, asked: Collection[str], *, by_proxy: bool) -> bool:
        scheme, _, host = origin.lower().partition("://")
        named = _split(host)
        if scheme not in ("http", "https") or named is None:
            return False
        is_named = by_proxy and named[0] in {each.lower() for each in self.names}
        return is_named or host in {each.lower() for each in asked}

    def _is_proxy(self, peer: str) -> bool:
        try:
            return self._is_proxy_at(canonical(peer))
        except ValueError:
            return False

    def _is_proxy_at(self, address: Address) -> bool:
        return any(address in network for network in self.proxies)


def for_anybody(headers: Headers) -> Visitor:
    """Return the sender at a socket that only this device can reach. Any host name is accepted.

    Raises:
        RefusedError: If the request is malformed.
    """
    _require_text(headers)
    hosts = values(headers, "host")
    if len(hosts) != 1 or _split(hosts[0]) is None:
        raise RefusedError(HTTPStatus.BAD_REQUEST)
    return Visitor(is_device=True)


def group_of(address: str) -> str:
    """Return the group an address counts in: itself, in IPv6 the network of its household."""
    try:
        found = canonical(address)
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    return str(ipaddress.ip_network((found, HOUSEHOLD_BITS), strict=False))


def _require_text(headers: Headers) -> None:
    """Refuse bytes that are no text. Of the cookies only ours matters: others are not from us."""
    try:
        for name, value in headers:
            if name != "cookie":
                value.encode()
        for shown in _tokens_sent(headers):
            shown.encode()
    except UnicodeEncodeError:
        raise RefusedError(HTTPStatus.BAD_REQUEST) from None


def _tokens_sent(headers: Headers) -> Iterator[str]:
    """Yield what a visitor sends as the token: in our cookie, or as a bearer."""
    for value in values(headers, "cookie"):
        for crumb in value.split(";"):
            name, _, shown = crumb.strip().partition("=")
            if name == COOKIE:
                yield shown.strip('"')
    for value in values(headers, "authorization"):
        if value.startswith(_BEARER):
            yield value.removeprefix(_BEARER).strip()


def _split(host: str) -> tuple[str, int | None] | None:
    """Return name and port in a Host header; None if it is malformed."""
    found = _HOST.fullmatch(host)
    if found is None or len(host) > MOST_HOST_CHARS:
        return None
    name = found[1].lower()
    if name.startswith("["):
        try:
            ipaddress.IPv6Address(name.strip("[]"))
        except ValueError:
            return None
    return name.removesuffix("."), None if found[2] is None else int(found[2])
