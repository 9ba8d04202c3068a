"""Opening links with the `websockets` library."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext, suppress
from typing import Any, cast

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.frames import Frame, Opcode
from websockets.protocol import Event

from voiced.agents.codec import Dial
from voiced.devices.network.connector import Connector
from voiced.devices.network.diagnosis import explain_upgrade, no_answer
from voiced.devices.network.endpoint import Endpoint, check_headers, endpoint_of
from voiced.devices.network.link import UNSENT_IN_KERNEL_BYTES, LinkOptions, WebSocketLink
from voiced.devices.network.proxy import at_address, choose_proxy, proxy_endpoint
from voiced.devices.network.resolver import Resolver
from voiced.devices.network.tls import tls_context
from voiced.errors import LinkError
from voiced.lib.token_bucket import TokenBucket
from voiced.ports import Link

RECEIVE_BYTES = 32 * 1024
"""asyncio reads 256 KiB at a time, for which the C library maps and unmaps memory at every message: two page faults
each."""

MOST_UNREAD_BYTES = 2 * 1024 * 1024
"""Unsent data for a peer that does not read: more than the settings of a whole session."""

PIECE_BYTES = 1024
"""How much received data is parsed in one go: at most 512 frames."""

EMPTY_PER_S, EMPTY_AT_ONCE = 20, 200
"""The allowed rate of pings, pongs and empty messages from an agent, and their burst."""

UNREAD = "the agent sends and does not read"
FLOODED = f"the agent sends more than {EMPTY_PER_S} pings or empty messages a second"

_SILENCED = logging.getLogger(f"{__name__}.library")
"""At DEBUG the library logs headers and messages, and with them keys and transcripts."""
_SILENCED.disabled = True


Guard = Callable[[socket.socket, Callable[[str], None]], AbstractContextManager[None]]
"""While entered, calls back with a reason once the socket's peer is unreachable."""


class WebSocketDialer:
    """Opens links; implements `Dialer`."""

    def __init__(
        self,
        options: LinkOptions,
        resolver: Resolver | None = None,
        guard: Guard = lambda _sock, _on_dead: nullcontext(),
    ) -> None:
        self._options = options
        self._connector = Connector(options, resolver)
        self._guard = guard

    @asynccontextmanager
    async def __call__(self, dial: Dial) -> AsyncIterator[Link]:
        connection = await self._connect(dial)
        link = WebSocketLink(connection, self._options)
        connection.give_up = link.give_up
        sock = connection.transport.get_extra_info("socket")
        try:
            if connection.fault:  # right after the upgrade
                raise LinkError(connection.fault)
            with self._guard(sock, link.give_up):
                yield link
            await link.close()
        finally:
            link.abort()
            await connection.wait_closed()

    async def _connect(self, dial: Dial) -> "Connection":
        """Open the link; one deadline covers every step."""
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
                    open_timeout=None,  # the deadline covers lookup and proxy too
                    close_timeout=self._options.close_timeout_s,
                    ping_interval=None,  # it fails when the socket backs up; see `link`
                    max_size=self._options.max_message_bytes,
                    write_limit=self._options.write_limit,
                    logger=_SILENCED,
                    create_connection=Connection,
                    **route,
                )
        except TimeoutError:
            raise no_answer(str(endpoint), self._options.connect_timeout_s) from None
        except (OSError, WebSocketException, ImportError, ValueError) as error:
            raise explain_upgrade(error, str(endpoint)) from None
        with suppress(OSError):  # it may be closed already, which the reader finds out
            _watch_closely(connection.transport.get_extra_info("socket"), self._options)
        if hasattr(connection.transport, "max_size"):  # a TLS transport keeps one buffer anyway
            connection.transport.max_size = RECEIVE_BYTES
        return cast("Connection", connection)

    async def _route(self, endpoint: Endpoint, deadline_s: float) -> dict[str, Any]:
        """Return the options for `websockets`: an open socket, or a proxy that itself uses TLS.

        The library would look up such a proxy's name on the default executor. So it gets an address, which has
        just answered.
        """
        within_s = self._options.connect_timeout_s
        proxy = choose_proxy(self._options.proxy, endpoint)
        if proxy is None or not (first := proxy_endpoint(proxy)).is_secure:
            return {"sock": await self._connector(endpoint, within_s), "proxy": None}
        peer = f"the proxy {first}"
        with await self._connector.straight(first, peer, deadline_s, within_s) as probe:
            address = probe.getpeername()[0]
        return {
            "proxy": at_address(proxy, address),
            "proxy_ssl": tls_context(self._options.ca_file),
            "proxy_server_hostname": first.host,
        }


class Connection(ClientConnection):
    """A connection that survives an abort after its socket is gone, and floods of pings.

    asyncio releases a socket without recording it if the last unsent data left after the peer had hung up
    (`_write_ready` in `asyncio/selector_events.py`, up to Python 3.14). Aborting the transport then raises
    AttributeError, and the library aborts every closed connection.

    The library also answers every ping, even if the peer does not read the answers: a flood of pings would fill
    the memory, and received data is parsed without a break. So we leave a peer that sends too much without content.

    Attributes:
        fault: Why we left; empty until then.
        give_up: Called with that reason first.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.give_up: Callable[[str], None] = lambda _reason: None
        self._empty = TokenBucket(EMPTY_AT_ONCE, 1 / EMPTY_PER_S)
        self.fault = ""

    def data_received(self, data: bytes) -> None:
        for at in range(0, len(data), PIECE_BYTES):
            if self.fault:
                return
            super().data_received(data[at : at + PIECE_BYTES])
            if self.transport.get_write_buffer_size() > MOST_UNREAD_BYTES:
                self._leave(UNREAD)

    def process_event(self, event: Event) -> None:
        super().process_event(event)
        if _says_nothing(event) and self._empty.take(self.loop.time()) > 0:
            self._leave(FLOODED)

    def _leave(self, why: str) -> None:
        if not self.fault:
            self.fault = why
            self.give_up(why)
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if not hasattr(
            self, "recv_messages"
        ):  # lost before `connection_made`: TLS failed behind a proxy
            return
        super().connection_lost(exc)
        self.transport = cast("asyncio.Transport", _Ended(self.transport))


def _says_nothing(event: Event) -> bool:
    if not isinstance(event, Frame):
        return False
    return event.opcode in {Opcode.PING, Opcode.PONG} or not event.data


class _Ended:
    """A transport whose socket is gone: `abort` does nothing."""

    def __init__(self, gone: asyncio.Transport) -> None:
        self._gone = gone

    def __getattr__(self, name: str) -> Any:
        return getattr(self._gone, name)

    def abort(self) -> None:
        pass


class _Connect(connect):
    """Follows no redirect: it would carry the key elsewhere."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


def _watch_closely(sock: socket.socket, options: LinkOptions) -> None:
    """Make the kernel notice a dead peer within seconds; its default is a quarter of an hour."""
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
