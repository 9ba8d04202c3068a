"""An HTTP proxy on loopback that leads every name to one port."""

import asyncio
import contextlib
from base64 import b64encode

from tests.wire.peers import abort, tcp_server


class ConnectProxy:
    """Answers CONNECT.

    Args:
        target_port: Where every name leads.
        credentials: What it wants to be shown, by HTTP's scheme Basic.
        refusal: What it answers instead.

    Attributes:
        requests: The first line of every request it got.
    """

    def __init__(self, target_port, *, credentials=None, refusal=b""):
        self.requests = []
        self._target_port = target_port
        self._refusal = refusal
        self._wanted = None
        if credentials:
            self._wanted = b"Proxy-Authorization: Basic " + b64encode(credentials.encode())

    def serving(self, **options):
        return tcp_server(self._talk, **options)

    async def _talk(self, reader, writer):
        request = await reader.readuntil(b"\r\n\r\n")
        self.requests.append(request.split(b"\r\n")[0].decode())
        if self._refusal:
            writer.write(self._refusal)
            return
        if self._wanted and self._wanted not in request.split(b"\r\n"):
            writer.write(b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n")
            return
        there_reader, there = await asyncio.open_connection("127.0.0.1", self._target_port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_copy(reader, there))
                group.create_task(_copy(there_reader, writer))
        finally:
            abort(there)
            with contextlib.suppress(OSError):
                await there.wait_closed()


async def _copy(reader, writer):
    try:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(4096):
                writer.write(chunk)
                await writer.drain()
    finally:
        writer.close()  # also where the other side was reset
