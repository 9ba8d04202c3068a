"""Servers at an address, by streamable HTTP. Only for the worker thread."""

import re
import socket
import ssl
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
)
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from http import HTTPStatus
from typing import Any

import anyio
import anyio.abc
import httpcore2
import httpx2
from httpcore2._backends.anyio import AnyIOStream
from mcp.client._transport import TransportStreams
from mcp.client.streamable_http import streamable_http_client

from voiced.devices.network.endpoint import Endpoint
from voiced.devices.network.tls import tls_context
from voiced.errors import LinkError, LinkRejected
from voiced.lib.json_limits import MOST_PARTS, parts_in

Connect = Callable[[Endpoint], Awaitable[socket.socket]]
"""Returns a connection, before TLS.

Raises:
    LinkError: Why there is none.
"""

MOST_BYTES = 1024 * 1024  # of a message: parsing one holds the GIL, and other threads wait
BYTES_PER_S = 4 * 1024 * 1024  # reading rate; a faster server is slowed down
CONNECT_WITHIN_S = 10.0
SILENCE_S = 300.0
MOST_CONNECTIONS = 100
UNUSED_S = 5.0  # after which an idle connection is closed
LISTEN_EVERY_S = 1.0  # least time between two GET requests, whatever the server sends
_MEANINGS = {
    401: ("it refuses the credentials (HTTP 401)", "check `headers`"),
    403: (
        "it refuses the credentials, or has banned this address (HTTP 403)",
        "check `headers`, and its list of bans",
    ),
    405: ("it does not speak streamable HTTP (HTTP 405)", "check `url`"),
}
_STREAM = "text/event-stream"
# Ends an event: https://html.spec.whatwg.org/multipage/server-sent-events.html
_BLANK_LINE = re.compile(rb"(?>\r\n|\r|\n){2}")


class _Caller:
    """A caller that waits for an answer. Once it has left, the answer is read no further.

    A server that is notified of the cancellation may still send an endless answer.
    """

    def __init__(self) -> None:
        self.is_over = False
        self._scopes: set[anyio.CancelScope] = set()

    def end(self) -> None:
        self.is_over = True
        for scope in self._scopes:
            scope.cancel()

    @contextmanager
    def reading(self) -> Iterator[None]:
        with anyio.CancelScope() as scope:
            if self.is_over:
                scope.cancel()
            self._scopes.add(scope)
            try:
                yield
            finally:
                self._scopes.discard(scope)


# The caller of what is being sent: the SDK sends a request in the context of its caller.
_caller: ContextVar[_Caller | None] = ContextVar("_caller", default=None)


@contextmanager
def asking() -> Iterator[None]:
    """Make requests within; at the end, stop reading their answers."""
    it = _Caller()
    before = _caller.set(it)
    try:
        yield
    finally:
        _caller.reset(before)
        it.end()


class Web:
    """The HTTP connection to one server.

    Attributes:
        status: The HTTP status of its last answer to a message, 0 if none.
        fault: Why the last attempt to connect failed; None if it succeeded.
    """

    def __init__(
        self, url: str, headers: Mapping[str, str], ca_file: str | None, connect: Connect
    ) -> None:
        self.status = 0
        self.fault: LinkError | None = None
        self._url = url
        self._headers = headers
        self._ca_file = ca_file
        self._connect = connect

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[TransportStreams, None]:
        """Open it, without sending anything yet."""
        context: ssl.SSLContext | bool = tls_context(self._ca_file) if self.is_secure else False
        client = httpx2.AsyncClient(
            headers=[
                *((name.encode(), value.encode()) for name, value in self._headers.items()),
                (b"Accept-Encoding", b"identity"),  # no compression: a small body could explode
            ],
            transport=_LimitedTransport(self, context, _Network(self, self._connect)),
            timeout=httpx2.Timeout(CONNECT_WITHIN_S, read=SILENCE_S),
            trust_env=False,
        )
        async with (
            client,
            streamable_http_client(
                self._url,
                http_client=client,
                terminate_on_close=False,  # a request that a dead server would let us wait for
                max_sse_event_size=MOST_BYTES,
            ) as streams,
        ):
            yield streams

    @property
    def is_secure(self) -> bool:
        """Whether it uses TLS."""
        return self._url.startswith("https:")

    def why(self) -> LinkError | None:
        """Return why it cannot be reached, or what its last status means; None if all is well."""
        if self.fault is not None:
            return self.fault
        if self.status < HTTPStatus.MULTIPLE_CHOICES:
            return None
        if self.status in _MEANINGS:
            return LinkRejected(*_MEANINGS[self.status])
        if self.status == HTTPStatus.NOT_FOUND:  # Home Assistant answers so while it starts
            return LinkError(
                "there is no MCP server at this path (HTTP 404), or not yet; check `url` if that stays so"
            )
        return LinkError(f"it answers with an error (HTTP {self.status})")


class _LimitedTransport(httpx2.AsyncHTTPTransport):
    """Limits the size and rate of answers."""

    def __init__(
        self,
        web: Web,
        context: ssl.SSLContext | bool,  # noqa: FBT001 - as httpx does
        network: "_Network",
    ) -> None:
        super().__init__(verify=context)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=context if isinstance(context, ssl.SSLContext) else None,
            max_connections=MOST_CONNECTIONS,
            keepalive_expiry=UNUSED_S,
            network_backend=network,
        )
        self._web = web
        self._listened_s = -LISTEN_EVERY_S

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.method == "GET":
            await self._wait_turn()
        response = await super().handle_async_request(request)
        if request.method == "POST":
            self._web.status = response.status_code
        encoding = response.headers.get("content-encoding", "identity")
        if (
            encoding.strip().lower() != "identity"
        ):  # could be a thousand times as long once decompressed
            await response.aclose()
            if not response.is_error:
                raise LinkError(
                    "it compresses its answers although asked not to (Content-Encoding)"
                )
        most = None if _is_stream(response) else MOST_BYTES
        response.stream = _LimitedBody(response.stream, most, _caller.get())
        return response

    async def _wait_turn(self) -> None:
        now_s = anyio.current_time()
        self._listened_s = max(now_s, self._listened_s + LISTEN_EVERY_S)
        await anyio.sleep(self._listened_s - now_s)


def _is_stream(response: httpx2.Response) -> bool:
    """Return whether the SDK reads it event by event; it reads other answers whole."""
    kind, _, _ = response.headers.get("content-type", "").partition(";")
    return response.is_success and kind.strip().lower() == _STREAM


class _Network(httpcore2.AsyncNetworkBackend):
    """Opens connections with the daemon's own resolver and proxies."""

    def __init__(self, web: Web, connect: Connect) -> None:
        self._web = web
        self._connect = connect

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - as httpcore does
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        scheme = "https" if self._web.is_secure else "http"
        try:
            with anyio.fail_after(timeout):
                opened = await self._connect(Endpoint(scheme, host, port))
        except TimeoutError:
            raise httpcore2.ConnectTimeout from None
        except LinkError as error:
            self._web.fault = error
            raise httpcore2.ConnectError from None
        self._web.fault = None
        return AnyIOStream(await anyio.abc.SocketStream.from_socket(opened))


class _LimitedBody(httpx2.AsyncByteStream):
    """A body with limits on rate, length and values per message. A stream of events may be endless."""

    def __init__(self, stream: object, most: int | None, asking: _Caller | None) -> None:
        assert isinstance(stream, httpx2.AsyncByteStream)  # noqa: S101 - an async client's
        self._stream = stream
        self._most = most
        self._caller = asking or _Caller()
        self._broken = httpx2.SSEError if most is None else httpx2.StreamError
        self._n_parts = 0
        self._line_end = b""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        n_bytes = 0
        async for piece in self._awaited():
            n_bytes += len(piece)
            if self._most is not None and n_bytes > self._most:
                raise self._broken("the message is too long")
            self._count(piece)
            yield piece
            await anyio.sleep(len(piece) / BYTES_PER_S)

    async def _awaited(self) -> AsyncIterator[bytes]:
        """Yield pieces as long as the caller waits; then raise `_broken`."""
        pieces = aiter(self._stream)
        while True:
            piece = b""
            with self._caller.reading():
                try:
                    piece = await anext(pieces)
                except StopAsyncIteration:
                    return
            if self._caller.is_over:
                raise self._broken("nobody waits for it")
            yield piece

    def _count(self, piece: bytes) -> None:
        """Count the values of each event, or of a body that is one message; raise `_broken` if too many."""
        first, *others = (
            _BLANK_LINE.split(self._line_end + piece) if self._most is None else [piece]
        )
        n_before = self._n_parts + parts_in(first) - 1
        for n_parts in (n_before, *map(parts_in, others)):
            if n_parts > MOST_PARTS:
                raise self._broken("the message contains too many values")
            self._n_parts = n_parts
        # Kept, as the blank line that ends an event may be cut between two pieces.
        self._line_end = piece[len(piece.rstrip(b"\r\n")) :][-3:]

    async def aclose(self) -> None:
        await self._stream.aclose()
