"""The link: one `websockets` connection to an agent.

The library's `send` waits for a full write buffer to drain, and its ping waits behind it: once a
streaming socket backs up, its heartbeat is blind. Hence a write limit that is never reached, a
bound of our own on what is unsent, and `abort` for whatever does not move.
"""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Self

import aiohappyeyeballs
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.frames import CloseCode
from websockets.protocol import State

from voiced.agents.codec import Dial, Message
from voiced.devices.endpoint import Endpoint, check_headers, endpoint_of
from voiced.devices.failures import explain_network, explain_upgrade, no_answer
from voiced.devices.proxy import at_address, choose_proxy, proxy_endpoint
from voiced.devices.resolver import Resolver
from voiced.devices.tls import tls_context
from voiced.errors import LinkError
from voiced.ports import Link

UNSENT_LIMIT_BYTES = 64 * 1024
"""Above it `send` waits: one second of 24 kHz PCM16 as base64, so that a slow network is felt by
the uplink queue, which drops the oldest, and not hidden in a growing delay."""

UNSENT_IN_KERNEL_BYTES = 16 * 1024
UNSENT_POLL_S = 0.01

RECEIVE_BYTES = 32 * 1024
"""asyncio would ask for 256 KiB at a time, so much that the C library maps and unmaps it for every
message: two page faults each."""

_SILENCED = logging.getLogger(f"{__name__}.library")
"""The library logs headers and messages, so keys and transcripts, at DEBUG."""
_SILENCED.disabled = True


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """How to reach the network.

    Attributes:
        connect_timeout_s: For everything until the link is open, from the name lookup on.
        send_timeout_s: For one message; then the link is given up.
        close_timeout_s: For a polite close; then the link is cut.
        ping_interval_s: Between pings.
        ping_timeout_s: Without an answer to one, the link is given up.
        max_message_bytes: The largest message taken from the agent.
        write_limit: Bytes of write buffer that would make the library's ping blind.
        tcp_user_timeout_ms: How long the kernel waits for sent data to be acknowledged.
        happy_eyeballs_delay_s: Head start of one address of a host over the next.
        proxy: `auto` (as the environment says), `none`, or the URL of a proxy.
        ca_file: PEM file of the authorities to trust instead of the system's.
        compression: Compress messages: half the bytes for ten times the CPU.
    """

    connect_timeout_s: float = 10
    send_timeout_s: float = 5
    close_timeout_s: float = 1
    ping_interval_s: float = 20
    ping_timeout_s: float = 10
    max_message_bytes: int = 16 * 1024 * 1024
    write_limit: int = 4 * 1024 * 1024
    tcp_user_timeout_ms: int = 5000
    happy_eyeballs_delay_s: float = 0.25
    proxy: str = "auto"
    ca_file: str | None = None
    compression: bool = False


class WebSocketLink:
    """An open connection; fills `Link`."""

    def __init__(self, connection: ClientConnection, options: LinkOptions) -> None:
        self.close_code: int | None = None
        self.close_reason = ""
        self._connection = connection
        self._options = options

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Message:
        try:
            return await self._connection.recv()
        except ConnectionClosed as closed:
            self._note_end(closed)
            raise StopAsyncIteration from None

    async def send(self, message: Message) -> None:
        try:
            if self._takes_at_once(message):
                # Nothing here can wait, and a timeout for every period would cost as much as it.
                await self._connection.send(message)
                return
            async with asyncio.timeout(self._options.send_timeout_s):
                await self._connection.send(message)
                await self._settle()
        except TimeoutError:
            self.close_reason = f"took no data for {self._options.send_timeout_s:g} s"
            self.abort()
            raise LinkError(f"the agent {self.close_reason}") from None
        except ConnectionClosed:
            raise LinkError("the connection to the agent is closed") from None

    async def close(self) -> None:
        try:
            async with asyncio.timeout(self._options.close_timeout_s):
                await self._connection.close()
        except TimeoutError:
            self.abort()

    def abort(self) -> None:
        self._connection.transport.abort()

    def _takes_at_once(self, message: Message) -> bool:
        unsent_bytes = self._connection.transport.get_write_buffer_size() + len(message)
        return unsent_bytes <= min(UNSENT_LIMIT_BYTES, self._options.write_limit) // 4

    async def _settle(self) -> None:
        transport = self._connection.transport
        while transport.get_write_buffer_size() > UNSENT_LIMIT_BYTES and self._is_open():  # noqa: ASYNC110 - a transport tells only when asked
            await asyncio.sleep(UNSENT_POLL_S)

    def _is_open(self) -> bool:
        return self._connection.state is State.OPEN

    def _note_end(self, closed: ConnectionClosed) -> None:
        """Record what the peer said; where we gave up first, its answer says nothing."""
        ours, theirs = closed.sent, closed.rcvd
        if ours and ours.code != CloseCode.NORMAL_CLOSURE and not closed.rcvd_then_sent:
            self.close_reason = ours.reason
        elif theirs and theirs.code != CloseCode.NO_STATUS_RCVD:
            self.close_code, self.close_reason = theirs.code, theirs.reason
        elif isinstance(closed.__cause__, OSError) and closed.__cause__.errno:
            self.close_reason = os.strerror(closed.__cause__.errno)


class WebSocketDialer:
    """Opens links; fills `Dialer`."""

    def __init__(self, options: LinkOptions, resolver: Resolver | None = None) -> None:
        self._options = options
        self._resolver = resolver or Resolver()

    @asynccontextmanager
    async def __call__(self, dial: Dial) -> AsyncIterator[Link]:
        connection = await self._connect(dial)
        link = WebSocketLink(connection, self._options)
        try:
            yield link
            await link.close()
        finally:
            link.abort()
            await connection.wait_closed()

    async def _connect(self, dial: Dial) -> ClientConnection:
        """Open the link, every step within one deadline."""
        deadline_s = asyncio.get_running_loop().time() + self._options.connect_timeout_s
        endpoint = endpoint_of(dial.url)
        check_headers(dial.headers)
        tls = tls_context(self._options.ca_file) if endpoint.is_secure else None
        route = await self._route(endpoint, deadline_s)
        try:
            async with asyncio.timeout_at(deadline_s):
                connection = await _Connect(
                    dial.url,
                    additional_headers=dial.headers,
                    ssl=tls,
                    compression="deflate" if self._options.compression else None,
                    open_timeout=None,
                    close_timeout=self._options.close_timeout_s,
                    ping_interval=self._options.ping_interval_s,
                    ping_timeout=self._options.ping_timeout_s,
                    max_size=self._options.max_message_bytes,
                    write_limit=self._options.write_limit,
                    logger=_SILENCED,
                    **route,
                )
        except TimeoutError:
            raise no_answer(str(endpoint), self._options.connect_timeout_s) from None
        except (OSError, WebSocketException, ImportError, ValueError) as error:
            raise explain_upgrade(error, str(endpoint)) from None
        with suppress(OSError):  # it may be gone again; whoever iterates will be told
            _watch_closely(connection.transport.get_extra_info("socket"), self._options)
        if hasattr(connection.transport, "max_size"):  # a TLS transport keeps one buffer anyway
            connection.transport.max_size = RECEIVE_BYTES
        return connection

    async def _route(self, endpoint: Endpoint, deadline_s: float) -> dict[str, Any]:
        """Return how `websockets` is to connect: over an open socket, or through a proxy.

        The library would look up a proxy's name itself, on the default executor. So it gets an
        address, one that was just seen to answer.
        """
        proxy = choose_proxy(self._options.proxy, endpoint)
        if proxy is None:
            return {"sock": await self._open(endpoint, str(endpoint), deadline_s)}
        first = proxy_endpoint(proxy)
        with await self._open(first, f"the proxy {first}", deadline_s) as probe:
            address = probe.getpeername()[0]
        route = {"proxy": at_address(proxy, address)}
        if first.is_secure:
            return route | {
                "proxy_ssl": tls_context(self._options.ca_file),
                "proxy_server_hostname": first.host,
            }
        return route

    async def _open(self, endpoint: Endpoint, peer: str, deadline_s: float) -> socket.socket:
        """Return a socket connected to the first address of `endpoint` that answers."""
        left_s = deadline_s - asyncio.get_running_loop().time()
        addresses = await self._resolver.lookup(endpoint, left_s)
        try:
            async with asyncio.timeout_at(deadline_s):
                return await aiohappyeyeballs.start_connection(
                    addresses, happy_eyeballs_delay=self._options.happy_eyeballs_delay_s
                )
        except TimeoutError:
            raise no_answer(peer, self._options.connect_timeout_s) from None
        except OSError as error:
            raise explain_network(error, peer) from None


class _Connect(connect):
    """Follows no redirect: it would carry the key elsewhere."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


def _watch_closely(sock: socket.socket, options: LinkOptions) -> None:
    """Make the kernel notice a dead peer in seconds, not in its default quarter of an hour."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        (socket.TCP_NODELAY, 1),
        (socket.TCP_KEEPIDLE, 5),
        (socket.TCP_KEEPINTVL, 2),
        (socket.TCP_KEEPCNT, 2),
        (socket.TCP_USER_TIMEOUT, options.tcp_user_timeout_ms),
        (socket.TCP_NOTSENT_LOWAT, UNSENT_IN_KERNEL_BYTES),
    ):
        sock.setsockopt(socket.IPPROTO_TCP, option, value)
