"""Servers at an address, spoken to over streamable HTTP. Only on the thread for MCP servers."""

import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus

import anyio
import httpx2
from mcp.client._transport import TransportStreams
from mcp.client.streamable_http import streamable_http_client

from voiced.devices.tls import tls_context
from voiced.errors import LinkError, LinkRejected

MOST_BYTES = 1024 * 1024
"""The longest message: reading one takes as long as it is, and other threads wait meanwhile."""

BYTES_PER_S = 4 * 1024 * 1024
"""Whoever sends faster is heard slowly."""

CONNECT_WITHIN_S = 10.0
SILENCE_S = 300.0

_SENTENCES = {
    401: ("it refuses the credentials (HTTP 401)", "check `headers`"),
    403: ("it refuses the credentials (HTTP 403)", "check `headers`"),
    404: ("there is no MCP server at this path (HTTP 404)", "check `url`"),
    405: ("it speaks no streamable HTTP (HTTP 405)", "check `url`"),
}
_CONTENT = "application/json"


class Web:
    """The way to one server.

    Attributes:
        status: What it answered last to a message, 0 if nothing.
    """

    def __init__(self, url: str, headers: Mapping[str, str], ca_file: str | None) -> None:
        self.status = 0
        self._url = url
        self._headers = headers
        self._ca_file = ca_file

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[TransportStreams, None]:
        """Open it; nothing has been sent then."""
        secure = self._url.startswith("https:")
        context: ssl.SSLContext | bool = tls_context(self._ca_file) if secure else False
        client = httpx2.AsyncClient(
            headers=dict(self._headers),
            transport=_Careful(self, context),
            timeout=httpx2.Timeout(CONNECT_WITHIN_S, read=SILENCE_S),
            trust_env=False,
        )
        async with (
            client,
            streamable_http_client(
                self._url, http_client=client, max_sse_event_size=MOST_BYTES
            ) as streams,
        ):
            yield streams

    def why(self) -> LinkError | None:
        """Return what its last answer means, None if it was a good one."""
        if self.status < HTTPStatus.MULTIPLE_CHOICES:
            return None
        if self.status in _SENTENCES:
            return LinkRejected(*_SENTENCES[self.status])
        return LinkError(f"it answers with an error (HTTP {self.status})")


class _Careful(httpx2.AsyncHTTPTransport):
    """Takes no more of an answer than it should, nor faster; follows no cookies."""

    def __init__(self, web: Web, context: ssl.SSLContext | bool) -> None:  # noqa: FBT001 - as httpx does
        super().__init__(verify=context)
        self._web = web

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        if request.method == "POST":
            self._web.status = response.status_code
        most = MOST_BYTES if response.headers.get("content-type", "").startswith(_CONTENT) else None
        response.stream = _Capped(response.stream, most)
        return response


class _Capped(httpx2.AsyncByteStream):
    """A body, slow enough and not too long; one without end may be as long as it likes."""

    def __init__(self, stream: object, most: int | None) -> None:
        assert isinstance(stream, httpx2.AsyncByteStream)  # noqa: S101 - an async client's
        self._stream = stream
        self._most = most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        n_bytes = 0
        async for piece in self._stream:
            n_bytes += len(piece)
            if self._most is not None and n_bytes > self._most:
                raise httpx2.StreamError("the message is too long")
            yield piece
            await anyio.sleep(len(piece) / BYTES_PER_S)

    async def aclose(self) -> None:
        await self._stream.aclose()
