"""Open TCP connections, directly or through a proxy.

A library that opens its own connections has its own name lookup and its own rule for proxies, or none, and blocks
a thread on dead name servers. So libraries get a connected socket.
"""

import asyncio
import re
import socket
from base64 import b64encode
from functools import partial
from urllib.parse import unquote, urlsplit

import aiohappyeyeballs

from voiced.devices.network import connecting
from voiced.devices.network.diagnosis import explain_network, explain_proxy_status, no_answer
from voiced.devices.network.endpoint import Endpoint
from voiced.devices.network.link import LinkOptions
from voiced.devices.network.proxy import SOCKS, at_address, choose_proxy, proxy_endpoint
from voiced.devices.network.resolver import Resolver
from voiced.errors import LinkError, LinkRejected
from voiced.lib.waiting import uniform

MOST_ANSWER_BYTES = 16 * 1024
"""The longest answer of a proxy to CONNECT."""

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})(?: |\r|$)")
_OFFER = re.compile(rb"(?im)^proxy-authenticate:[ \t]*([^\r\n]*)")
_NO_WAY = "the proxy did not let the connection through"


class Connector:
    """Opens connections as `options` say. Belongs to one event loop."""

    def __init__(self, options: LinkOptions, resolver: Resolver | None = None) -> None:
        self.options = options
        self._resolver = resolver or Resolver()
        self._silent_since_s: dict[Endpoint, float] = {}

    async def __call__(self, endpoint: Endpoint, within_s: float | None = None) -> socket.socket:
        """Return a socket that is connected to `endpoint`, without TLS, by default within the options' time limit.

        Raises:
            LinkError: Why there is no connection.
        """
        within_s = within_s or self.options.connect_timeout_s
        deadline_s = asyncio.get_running_loop().time() + within_s
        proxy = choose_proxy(self.options.proxy, endpoint)
        if proxy is None:
            return await self.straight(endpoint, str(endpoint), deadline_s, within_s)
        first = proxy_endpoint(proxy)
        peer = f"the proxy {first}"
        if first.is_secure:
            raise LinkRejected(
                f"{endpoint} cannot be reached through a proxy that wants TLS itself",
                "use a proxy at an http:// address, or name it in NO_PROXY",
            )
        opened = await self.straight(first, peer, deadline_s, within_s)
        try:
            async with asyncio.timeout_at(deadline_s):
                if first.scheme not in SOCKS:
                    await _ask(opened, proxy, endpoint)
                    return opened
                address = opened.getpeername()[0]
                opened.close()  # python-socks opens its own
                return await _by_socks(
                    at_address(proxy, address), await self._by_address(endpoint, first)
                )
        except TimeoutError:
            opened.close()
            raise no_answer(peer, within_s) from None
        except OSError as error:
            opened.close()
            raise explain_network(error, peer) from None
        except BaseException:
            opened.close()
            raise

    async def _by_address(self, endpoint: Endpoint, proxy: Endpoint) -> Endpoint:
        """Return `endpoint` by address for a SOCKS proxy that looks up no names (socks4, socks5)."""
        if proxy.scheme not in ("socks4", "socks5"):
            return endpoint
        found = await self._resolver.lookup(endpoint, self.options.connect_timeout_s)
        return Endpoint(endpoint.scheme, found[0][4][0], endpoint.port)

    async def straight(
        self, endpoint: Endpoint, peer: str, deadline_s: float, within_s: float
    ) -> socket.socket:
        """Return a socket connected to the first address of `endpoint` that answers.

        Args:
            endpoint: Where to go.
            peer: Its name for error messages.
            deadline_s: When to give up, by the loop's clock.
            within_s: The whole time limit, for error messages.

        Raises:
            LinkError: Why there is no connection.
        """
        left_s = deadline_s - asyncio.get_running_loop().time()
        addresses = await self._resolver.lookup(endpoint, left_s)
        connect = partial(
            aiohappyeyeballs.start_connection,
            addresses,
            happy_eyeballs_delay=self.options.happy_eyeballs_delay_s,
        )
        try:
            async with asyncio.timeout_at(deadline_s):
                opened = await connecting.first_answered(
                    connect, self._eager_until_s(endpoint), uniform
                )
        except TimeoutError:
            raise no_answer(peer, within_s) from None
        except OSError as error:
            self._silent_since_s.pop(endpoint, None)
            raise explain_network(error, peer) from None
        self._silent_since_s.pop(endpoint, None)
        return opened

    def _eager_until_s(self, endpoint: Endpoint) -> float:
        """Return until when an attempt that begins now tries with more than one socket, by the loop's clock."""
        now_s = asyncio.get_running_loop().time()
        since_s = self._silent_since_s.setdefault(endpoint, now_s)
        return max(now_s + connecting.ATTEMPT_S, since_s + connecting.SILENCE_S)


async def _ask(opened: socket.socket, proxy: str, endpoint: Endpoint) -> None:
    """Ask an HTTP proxy to tunnel `opened` to `endpoint`.

    Raises:
        LinkError: If it refuses.
        OSError: If the connection fails.
    """
    loop = asyncio.get_running_loop()
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    lines = [f"CONNECT {host}:{endpoint.port} HTTP/1.1", f"Host: {host}:{endpoint.port}"]
    parts = urlsplit(proxy)
    if parts.username is not None:
        known = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        lines.append(f"Proxy-Authorization: Basic {b64encode(known.encode()).decode()}")
    await loop.sock_sendall(opened, "\r\n".join([*lines, "", ""]).encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        piece = await loop.sock_recv(opened, 4096)
        answer += piece
        if not piece or len(answer) > MOST_ANSWER_BYTES:
            raise LinkError(_NO_WAY)
    head, _, rest = answer.partition(b"\r\n\r\n")
    status = _STATUS.match(head)
    if status is None:
        raise LinkError(_NO_WAY)
    if not status[1].startswith(b"2"):
        offers = [offer.decode("latin-1") for offer in _OFFER.findall(head)]
        raise explain_proxy_status(int(status[1]), offers)
    if rest:  # all our protocols wait for the client, so this is not from the endpoint
        raise LinkError(_NO_WAY)


async def _by_socks(proxy: str, endpoint: Endpoint) -> socket.socket:
    """Return a socket to `endpoint` through a SOCKS proxy.

    Raises:
        LinkError: If there is none.
        OSError: If the connection to the proxy fails.
    """
    try:
        from python_socks import ProxyError, ProxyType
        from python_socks.async_.asyncio import Proxy
    except ImportError:
        raise LinkRejected("a SOCKS proxy needs python-socks", "install voiced[socks]") from None
    parts = urlsplit(proxy)
    kind = ProxyType.SOCKS5 if parts.scheme.startswith("socks5") else ProxyType.SOCKS4
    user, password = (unquote(each) if each else None for each in (parts.username, parts.password))
    through = Proxy(kind, str(parts.hostname), parts.port or 0, user, password, rdns=True)
    try:
        opened: socket.socket = await through.connect(endpoint.host, endpoint.port)
    except ProxyError:
        raise LinkError(_NO_WAY) from None
    return opened
