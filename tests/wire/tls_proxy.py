"""A web proxy on this device that speaks TLS with browsers: it tells the page for whom it speaks, or not."""

import asyncio
from contextlib import asynccontextmanager

from tests.wire.peers import abort, tcp_server


class WebProxy:
    """What it adds to every request, one to a connection.

    Attributes:
        headers: Lines with `{visitor}` in them.
        visitor: Who the next request comes from.
    """

    def __init__(self, *headers):
        self.headers, self.visitor, self.port = headers, "192.0.2.1", 0

    def passed_on(self, head):
        added = "".join(f"{line.format(visitor=self.visitor)}\r\n" for line in self.headers)
        return head.removesuffix(b"\r\n") + added.encode() + b"\r\n"


async def _pump(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


@asynccontextmanager
async def web_proxy(target_port, *headers, tls=None, address="127.0.0.1"):
    """Pass requests on to a page, from an address of this device; yield the proxy."""
    it = WebProxy(*headers)

    async def talk(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        inner_reader, inner = await asyncio.open_connection(
            "127.0.0.1", target_port, local_addr=(address, 0)
        )
        try:
            inner.write(it.passed_on(head))
            async with asyncio.TaskGroup() as group:
                towards = group.create_task(_pump(reader, inner))
                await _pump(inner_reader, writer)
                towards.cancel()
        finally:
            abort(inner)

    async with tcp_server(talk, ssl=tls) as it.port:
        yield it
