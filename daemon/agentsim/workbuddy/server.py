"""A stand-in WorkBuddy service behind a real socket, on the running event loop."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import WSMsgType, web

from agentsim.offload import Worker
from agentsim.serving import Server, host_and_port
from agentsim.workbuddy.connection import Connection
from agentsim.workbuddy.service import SOCKET_PATH, Service
from agentsim.workbuddy.settings import Settings

ABNORMAL = 1006


@asynccontextmanager
async def serve_workbuddy(
    settings: Settings | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    tls: ssl.SSLContext | None = None,
    events_path: Path | None = None,
) -> AsyncIterator[Server[Service]]:
    """Serve a stand-in WorkBuddy service; close every connection on exit.

    Args:
        settings: How it behaves; the default is deterministic.
        host: Where to listen.
        port: Where to listen; 0 picks a free port.
        tls: Serve wss:// and https:// with this.
        events_path: Append the event log here.
    """
    service = Service(settings, offload=Worker(), events_path=events_path)
    front = _Front(service)
    application = web.Application()
    application.router.add_get(SOCKET_PATH, front.converse)
    application.router.add_route("*", "/{path:.*}", front.answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, ssl_context=tls)
        await site.start()
        where = host_and_port(host, runner.addresses[0][1])
        secure = "s" if tls else ""
        service.ws_url = f"ws{secure}://{where}{SOCKET_PATH}"
        base = f"http{secure}://{where}"
        yield Server(base, base, service)
    finally:
        service.close()
        await runner.cleanup()


class _Front:
    """Passes messages between sockets and a service."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def answer(self, request: web.Request) -> web.Response:
        """Answer an HTTP call."""
        status, body = self._service.answer(request.method, request.path, dict(request.headers))
        return web.json_response(dict(body), status=status)

    async def converse(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection until it ends."""
        refused = self._service.settings.faults.get("upgrade-status")
        if refused:
            return web.json_response({"detail": "A fault."}, status=int(refused.number))
        socket = web.WebSocketResponse(timeout=1.0, compress=False)
        await socket.prepare(request)
        connection = self._service.dial(str(request.url), dict(request.headers))
        try:
            async with asyncio.TaskGroup() as tasks:  # noqa: TID251 - the stand-in may not import the daemon's
                reading = tasks.create_task(_read(socket, connection))
                await _write(request, socket, connection)
                reading.cancel()
        finally:
            connection.lost()
        return socket


async def _read(socket: web.WebSocketResponse, connection: Connection) -> None:
    async for message in socket:
        if connection.frozen:
            await asyncio.Event().wait()
        if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
            connection.receive(message.data)
    connection.lost(socket.close_code or ABNORMAL)


async def _write(
    request: web.Request, socket: web.WebSocketResponse, connection: Connection
) -> None:
    try:
        async for message in connection:
            if isinstance(message, str):
                await socket.send_str(message)
            else:
                await socket.send_bytes(message)
    except ConnectionError:
        return
    if connection.cut or connection.frozen:
        if request.transport is not None:
            request.transport.abort()
    else:
        await socket.close(code=connection.close_code or 1000)
