"""Peers to dial on loopback, and ways to see that nothing is left behind."""

import asyncio
import contextlib
import gc
import logging
import socket
import struct
from pathlib import Path

import pytest
from websockets.asyncio.server import serve

from voiced.agents.codec import Dial
from voiced.devices.network.link import LinkOptions
from voiced.devices.network.resolver import Resolver
from voiced.devices.network.websocket import WebSocketDialer
from voiced.errors import LinkError

SILENT = logging.getLogger("tests.silent")
SILENT.disabled = True

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER so that closing resets the connection."""


@contextlib.asynccontextmanager
async def agent(behave, **options):
    """Serve `behave(connection)` for every WebSocket; yield the port."""
    options = {"ping_interval": None, "compression": None, "logger": SILENT} | options
    async with serve(behave, "127.0.0.1", 0, **options) as server:
        yield server.sockets[0].getsockname()[1]


@contextlib.asynccontextmanager
async def tcp_server(talk, **options):
    """Serve `talk(reader, writer)` for every connection; yield the port."""
    tasks = set()

    async def serve_one(reader, writer):
        tasks.add(asyncio.current_task())
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await talk(reader, writer)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        tasks.discard(asyncio.current_task())

    server = await asyncio.start_server(serve_one, "127.0.0.1", 0, **options)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


def abort(writer):
    """Abort a stream, unless it is gone: where what was unsent left after it was closed, asyncio would raise."""
    if writer.get_extra_info("socket").fileno() != -1:
        writer.transport.abort()


def reset(writer):
    """Abort a stream with RST, unless it is gone."""
    sock = writer.get_extra_info("socket")
    if sock.fileno() != -1:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        writer.transport.abort()


def answering(answer):
    """Serve the same raw answer to every HTTP request."""

    async def talk(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()

    return tcp_server(talk)


@contextlib.contextmanager
def deaf_port(family=socket.AF_INET, host="127.0.0.1"):
    """Yield a port whose packets vanish, as behind a firewall: its accept queue is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket(family))
        listener.bind((host, 0))
        listener.listen(0)
        for _ in range(2):
            filler = stack.enter_context(socket.socket(family))
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def inet(port, host="127.0.0.1"):
    """Return what `getaddrinfo` says of one IPv4 address."""
    return (socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))


def dialer(*, resolver=None, **options):
    return WebSocketDialer(LinkOptions(**options), resolver)


def resolver_of(*addresses):
    """Return a resolver for which every name has `addresses`."""
    return Resolver(lambda *_args, **_kwargs: list(addresses))


def open_sockets():
    gc.collect()
    links = []
    for fd in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            links.append(fd.readlink().name)
    return {link for link in links if link.startswith("socket:")}


@contextlib.asynccontextmanager
async def leaving_nothing():
    """Fail if the body leaves a task or a socket behind. Peers need a moment to notice: they take turns on this loop."""
    tasks, sockets = asyncio.all_tasks(), open_sockets()
    yield
    for _ in range(300):
        extra_tasks = asyncio.all_tasks() - tasks
        extra_sockets = open_sockets() - sockets
        if not extra_tasks and not extra_sockets:
            return
        await asyncio.sleep(0.01)
    assert not extra_tasks, extra_tasks
    assert not extra_sockets, extra_sockets


async def echo(connection):
    async for message in connection:
        await connection.send(message)


async def listen(connection):
    async for _ in connection:
        pass


def sending(*messages, code=1000, reason=""):
    async def behave(connection):
        for message in messages:
            await connection.send(message)
        await connection.close(code, reason)

    return behave


async def heard(link):
    return [message async for message in link]


async def refusal(url, *, resolver=None, headers=None, **options):
    """Return class and text of what dialling `url` raises."""
    async with leaving_nothing():
        with pytest.raises(LinkError) as failure:
            async with dialer(resolver=resolver, **options)(Dial(url, headers or {})):
                raise AssertionError
    assert failure.value.__suppress_context__ or failure.value.__context__ is None
    return type(failure.value), str(failure.value)
