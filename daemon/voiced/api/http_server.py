"""The web server: access, limits, security headers, listening.

Imported only if the settings ask for a server.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

from aiohttp import HttpVersion10, HttpVersion11, web

from voiced.api.access import HEADERS, AccessPolicy, RefusedError, Visitor, for_anybody
from voiced.api.admission import Rank
from voiced.api.certificate import Certificate
from voiced.api.connection_limits import Arrival, Connection, ConnectionLimiter, Limits
from voiced.api.forwarded import Headers
from voiced.api.refusals import ABORTED, Refusals
from voiced.lib.task_group import TaskGroup

log = logging.getLogger(__name__)

MOST_BYTES = 16 * 1024  # of a request
PIECE_BYTES = 1024  # given to the parser at a time: its errors quote all that they were given

REOPEN_S = 5.0
BACKLOG = 64
LINGER_S = 1.0
END_WITHIN_S = 0.2

_TOLD = frozenset({"Allow", "WWW-Authenticate"})  # headers of a refusal that are kept

_NO_LOG = logging.Logger("nowhere")  # noqa: LOG001 - it must have no parent to log to
_NO_LOG.addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class Visit:
    """A complete request.

    Attributes:
        request: As received.
        text: Its body.
        visitor: Its sender.
        connection: Its connection.
    """

    request: web.BaseRequest
    text: str
    visitor: Visitor
    connection: Connection


Responder = Callable[[Visit], Awaitable[web.StreamResponse]]
Listen = Callable[[ConnectionLimiter], Awaitable[asyncio.Server]]


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen.

    Attributes:
        host: A name or an address of this device.
        port: The port.
        setting: The setting that names them.
        certificate: The certificate for TLS; None for plain HTTP.
    """

    host: str
    port: int
    setting: str
    certificate: Certificate | None = None


class Site:
    """Answers the requests of one web server, at a port or a Unix socket.

    Args:
        name: The name under which its refusals are counted.
        judge: Returns the sender of a request from address and headers; raises `RefusedError`.
        routes: Routes like `GET /healthz`, and what answers them.
        refusals: Counts refused requests.
        limits: What visitors may use.
    """

    def __init__(
        self,
        name: str,
        judge: Callable[[str, Headers], Visitor],
        routes: Mapping[str, Responder],
        refusals: Refusals,
        limits: Limits | None = None,
    ) -> None:
        self._name = name
        self._judge = judge
        self._refusals = refusals
        self._limits = limits or Limits()
        self._routes: dict[str, dict[str, Responder]] = {}
        for route, responder in routes.items():
            method, _, path = route.partition(" ")
            self._routes.setdefault(path, {})[method] = responder

    async def serve(
        self, listen: Listen, arrival: Arrival, certificate: Certificate | None = None
    ) -> None:
        """Serve until cancelled.

        Args:
            listen: Makes the listening socket for a protocol factory, without serving yet.
            arrival: Returns rank and group of a newcomer.
            certificate: The certificate for TLS; None for plain HTTP.

        Raises:
            OSError: If it cannot listen.
        """
        server = web.Server(self._answer, request_factory=self._request)
        limiter = ConnectionLimiter(
            inside=lambda connection: _OneRequest(server, connection, self.refused),
            refused=self.refused,
            arrival=arrival,
            limits=self._limits,
            tls=None if certificate is None else certificate.context,
        )
        listener = await listen(limiter)
        async with TaskGroup() as group:
            limiter.spawn = group.create_task
            try:
                await listener.start_serving()
                await asyncio.Event().wait()
            finally:
                try:
                    await _close(listener)
                    await server.shutdown(END_WITHIN_S)
                finally:
                    limiter.clear()

    def refused(self, reason: str) -> None:
        """Count a refusal."""
        self._refusals.add(self._name, reason)

    def _request(
        self, message: Any, payload: Any, protocol: Any, writer: Any, task: Any
    ) -> web.BaseRequest:
        loop = asyncio.get_running_loop()
        return web.BaseRequest(
            message, payload, protocol, writer, task, loop, client_max_size=MOST_BYTES
        )

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer with our security headers; turn every refusal and failure into an answer."""
        connection = cast("_OneRequest", request.protocol).connection
        answer: web.StreamResponse
        try:
            answer = await self._respond(request, connection)
        except RefusedError as refusal:
            answer = self._refusal(refusal.status, refusal.reason)
        except web.HTTPException as refusal:
            answer = self._refusal(refusal.status, refusal.reason)
            answer.headers.update({it: refusal.headers[it] for it in _TOLD & {*refusal.headers}})
        except ConnectionError:
            self.refused(ABORTED)
            raise
        except Exception as error:
            self._refusals.fail(self._name, error)
            if request.writer.output_size:
                raise ConnectionAbortedError from error  # half of another answer was sent
            answer = web.Response(status=HTTPStatus.INTERNAL_SERVER_ERROR)
        finally:
            connection.answer_within(self._limits.answer_s)
        if not answer.prepared:  # a WebSocket or a stream has sent its headers itself
            answer.headers.update(HEADERS)
            answer.force_close()
        return answer

    async def _respond(
        self, request: web.BaseRequest, connection: Connection
    ) -> web.StreamResponse:
        if request.version not in (HttpVersion10, HttpVersion11):
            raise RefusedError(HTTPStatus.BAD_REQUEST)
        headers = [(name.lower(), value) for name, value in request.headers.items()]
        visitor = self._judge(connection.peer, headers)
        if not connection.take_place(visitor.rank, visitor.group):
            raise RefusedError(HTTPStatus.SERVICE_UNAVAILABLE)
        methods = self._routes.get(request.raw_path.partition("?")[0])
        if methods is None:
            raise RefusedError(HTTPStatus.NOT_FOUND)
        if request.method not in methods:
            raise web.HTTPMethodNotAllowed(request.method, methods)
        text = await self._text(request)
        connection.answer_within(self._limits.answer_s)
        return await methods[request.method](Visit(request, text, visitor, connection))

    async def _text(self, request: web.BaseRequest) -> str:
        try:
            if (request.content_length or 0) > MOST_BYTES:
                raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            async with asyncio.timeout(self._limits.body_s):
                return (await request.read()).decode()
        except TimeoutError:
            raise RefusedError(HTTPStatus.REQUEST_TIMEOUT) from None
        except (ValueError, web.RequestPayloadError):
            raise RefusedError(HTTPStatus.BAD_REQUEST) from None

    def _refusal(self, status: int, reason: str) -> web.Response:
        self.refused(str(int(status)))
        return web.Response(status=status, text=f"{reason}\n")


class _OneRequest(web.RequestHandler):
    """One request. The library would log what strangers send, and they could fill the journal."""

    __slots__ = ("_refused", "connection")

    def __init__(
        self, server: web.Server, connection: Connection, refused: Callable[[str], None]
    ) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            logger=_NO_LOG,
            access_log=None,  # type: ignore[arg-type] # as the library's own runner takes it
            auto_decompress=False,
            lingering_time=LINGER_S,
        )
        self.connection = connection
        self._refused = refused

    def data_received(self, data: bytes) -> None:
        """Take data, but none after the one request that is answered."""
        for at in range(0, max(len(data), 1), PIECE_BYTES):
            if self._request_count > 1:
                return
            super().data_received(data[at : at + PIECE_BYTES])
            for message, _ in self._messages:
                error = getattr(message, "exc", None)  # the parser's error
                if isinstance(error, BaseException):
                    # Its frames would hold all data until the next garbage collection.
                    error.__traceback__ = error.__context__ = None

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - the library's
    ) -> web.StreamResponse:
        """Return the answer to a malformed request."""
        if isinstance(exc, ConnectionError):
            raise exc  # the client has left
        self._refused(str(int(status)))
        if request.writer.output_size:
            raise ConnectionAbortedError  # half of another answer was sent
        answer = web.Response(status=status, text=f"{HTTPStatus(status).phrase}\n", headers=HEADERS)
        answer.force_close()
        return answer


class HttpServer:
    """Serves a few routes at a port. Implements `BackgroundTask`.

    Args:
        address: Where to listen.
        access: Who is let in.
        routes: Routes like `GET /healthz`, and what answers them.
        refusals: Counts refused requests.

    Attributes:
        routes: The routes.
    """

    def __init__(
        self,
        address: Address,
        access: AccessPolicy,
        routes: Mapping[str, Responder],
        refusals: Refusals,
    ) -> None:
        name = address.setting.partition(".")[0]
        self.routes = tuple(routes)
        self._address = address
        self._access = access
        self._site = Site(name, access.visitor, routes, refusals)

    async def run(self) -> None:
        """Serve until cancelled; while the port is in use, try again."""
        told, at = False, self._address
        while True:
            try:
                await self._site.serve(self._listen, self._access.arrival, at.certificate)
            except OSError as error:
                if not told:
                    log.warning("%s: %s:%d: %s", at.setting, at.host, at.port, error.strerror)
                told = True
                await asyncio.sleep(REOPEN_S)

    async def _listen(self, limiter: ConnectionLimiter) -> asyncio.Server:
        # With start_serving, a cancelled create_server would leave its sockets open.
        return await asyncio.get_running_loop().create_server(
            limiter, self._address.host, self._address.port, backlog=BACKLOG, start_serving=False
        )


async def _close(listener: asyncio.Server) -> None:
    # If a server closes between accepting a connection and making its transport, asyncio leaks
    # the socket. So stop accepting, and let one turn of the loop make the transports.
    loop = asyncio.get_running_loop()
    for each in listener.sockets:
        loop.remove_reader(each.fileno())
    try:
        await asyncio.sleep(0)
    finally:
        listener.close()


async def serve_unix(
    listener: object, name: str, routes: Mapping[str, Responder], refusals: Refusals, limits: Limits
) -> None:
    """Serve at a Unix socket until cancelled. Anyone who can reach it may ask."""

    async def listen(limiter: ConnectionLimiter) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        return await loop.create_unix_server(limiter, sock=listener, start_serving=False)  # type: ignore[arg-type]

    site = Site(name, lambda _peer, headers: for_anybody(headers), routes, refusals, limits)
    await site.serve(listen, lambda _peer: (Rank.OWN, ""))
