"""A stand-in AssemblyAI service behind real sockets, on the running event loop."""

import asyncio
import json
import socket as net
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from agentsim.assemblyai.connection import MAX_MESSAGE_BYTES, Connection
from agentsim.assemblyai.service import Service
from agentsim.assemblyai.settings import Settings
from agentsim.offload import Worker
from agentsim.serving import Server, host_and_port

WEBSOCKET_PATH = "/v1/ws"

SEGMENT_BYTES = 1400
"""As on a network. On the loopback a segment has 64 KiB and may not fit into a window. It then waits for a
probe, which every message from the other side delays by 0.2 s."""


@asynccontextmanager
async def serve_assemblyai(
    settings: Settings | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    sock: net.socket | None = None,
    tls: ssl.SSLContext | None = None,
    events_path: Path | None = None,
) -> AsyncIterator[Server[Service]]:
    """Serve a stand-in AssemblyAI service; close every connection on exit.

    Args:
        settings: How it behaves; the default is deterministic.
        host: Where to listen.
        port: Where to listen; 0 picks a free port.
        sock: Listen on this socket instead.
        tls: Serve wss:// and https:// with this.
        events_path: Append the event log here.
    """
    service = Service(settings, offload=Worker(), events_path=events_path)
    front = _Front(service)
    try:
        async with serve(
            front.converse,
            None if sock else host,
            None if sock else port,
            sock=sock,
            process_request=front.answer,
            ssl=tls,
            max_size=MAX_MESSAGE_BYTES,
            compression=None,
            close_timeout=1,
            ping_interval=None,
            create_connection=_Socket,
        ) as listening:
            for each in listening.sockets:
                each.setsockopt(net.IPPROTO_TCP, net.TCP_MAXSEG, SEGMENT_BYTES)
            address = next(iter(listening.sockets)).getsockname()
            where = host_and_port(address[0] if sock else host, address[1])
            secure = "s" if tls else ""
            try:
                yield Server(
                    f"ws{secure}://{where}{WEBSOCKET_PATH}", f"http{secure}://{where}/v1", service
                )
            finally:
                service.close()
                front.abort_frozen()
    finally:
        service.close()


class _Socket(ServerConnection):
    """A connection that may be closed, aborted and sent to after it is lost.

    asyncio releases a socket without noting it if the last unsent bytes left after the peer had closed
    (`_write_ready` in `asyncio/selector_events.py`, up to Python 3.14). To abort it then raises
    AttributeError, and websockets aborts whatever is closed.
    """

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.transport = cast("asyncio.Transport", _Ended(self.transport))


class _Ended:
    """A transport without a socket: as before, but `abort` does nothing."""

    def __init__(self, gone: asyncio.Transport) -> None:
        self._gone = gone

    def __getattr__(self, name: str) -> Any:
        return getattr(self._gone, name)

    def abort(self) -> None:
        pass


class _Front:
    """Passes messages between sockets and a service."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._frozen: set[ServerConnection] = set()

    def answer(self, socket: ServerConnection, request: Request) -> Response | None:
        """Answer REST calls and refuse upgrades; return None to accept an upgrade."""
        del socket
        fault = self._service.settings.faults
        if request.path.partition("?")[0] == WEBSOCKET_PATH:
            refused = fault.get("upgrade-status")
            return _response(int(refused.number), {"detail": "A fault."}) if refused else None
        status, body = self._service.answer("GET", request.path, dict(request.headers.raw_items()))
        return _response(status, dict(body))

    async def converse(self, socket: ServerConnection) -> None:
        """Serve one connection until it ends."""
        request = socket.request
        if request is None:
            return
        connection = self._service.dial(request.path, dict(request.headers.raw_items()))
        try:
            async with asyncio.TaskGroup() as tasks:  # noqa: TID251 - the stand-in may not import the daemon's
                watching = tasks.create_task(self._freeze_when_told(socket, connection))
                reading = tasks.create_task(_read(socket, connection))
                await self._write(socket, connection)
                watching.cancel()
                reading.cancel()
        finally:
            connection.lost()

    def abort_frozen(self) -> None:
        """Abort the frozen sockets."""
        for socket in self._frozen:
            socket.transport.abort()

    async def _write(self, socket: ServerConnection, connection: Connection) -> None:
        try:
            async for message in connection:
                await socket.send(message)
        except ConnectionClosed:
            return
        if connection.cut or connection.frozen:
            socket.transport.abort()
        else:
            await socket.close(connection.close_code or 1000, connection.close_reason)

    async def _freeze_when_told(self, socket: ServerConnection, connection: Connection) -> None:
        await connection.wait_frozen()
        self._frozen.add(socket)
        socket.transport.pause_reading()


async def _read(socket: ServerConnection, connection: Connection) -> None:
    try:
        async for message in socket:
            connection.receive(message)
    except ConnectionClosed:
        pass
    connection.lost(socket.close_code)


def _response(status: int, body: dict[str, object]) -> Response:
    content = json.dumps(body).encode()
    headers = Headers()
    headers["Content-Type"] = "application/json"
    headers["Content-Length"] = str(len(content))
    headers["Connection"] = "close"
    return Response(status, _phrase(status), headers, content)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
