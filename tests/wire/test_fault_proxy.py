"""The proxy that misbehaves: what misbehaves must not itself break."""

import asyncio
from itertools import product

import pytest

from tests.wire.fault_proxy import FaultProxy
from tests.wire.peers import tcp_server

ENDS = ("freeze", "thaw", "reset", "cut")


async def echo(reader, writer):
    while chunk := await reader.read(64):
        writer.write(chunk)
        await writer.drain()


@pytest.mark.parametrize("faults", [*product(ENDS, repeat=3)], ids=" ".join)
async def test_any_fault_follows_any_other(faults):
    async with tcp_server(echo) as port, FaultProxy(port) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"?")
        assert await reader.read(64) == b"?"
        for fault in faults:
            getattr(proxy, fault)()
            await asyncio.sleep(0.01)
        proxy.thaw()
        writer.close()
