"""Who gets as far as the web server, over real sockets."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from voiced.host.gate import Gate, Limits

pytestmark = pytest.mark.real_time

HEAD = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
LIMITS = Limits(connections=6, per_address=4, head_bytes=200, head_s=0.3)


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(b"inside:" + data)


@asynccontextmanager
async def gate(limits=LIMITS):
    it = Gate(Echo, limits)
    server = await asyncio.get_running_loop().create_server(it, "127.0.0.1", 0)
    async with server:
        yield it, server.sockets[0].getsockname()[1]


async def opened(port, address="127.0.0.1"):
    return await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))


async def answered(port, *pieces, pause_s=0.0):
    reader, writer = await opened(port)
    try:
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(pause_s)
        async with asyncio.timeout(2):
            return await reader.read(1000)
    except ConnectionError:
        return b"cut"
    finally:
        writer.close()


@pytest.mark.parametrize("pieces", [(HEAD,), (HEAD[:10], HEAD[10:]), (HEAD[:-1], HEAD[-1:])])
async def test_a_whole_head_comes_in_however_it_is_cut(pieces):
    async with gate() as (_, port):
        assert await answered(port, *pieces, pause_s=0.01) == b"inside:" + HEAD


async def test_what_follows_the_head_comes_in_as_it_comes():
    async with gate() as (_, port):
        said = await answered(port, HEAD + b"body", b"more", pause_s=0.05)
        assert said == b"inside:" + HEAD + b"bodyinside:more"


@pytest.mark.parametrize("n_bytes", [200, 10_000])
async def test_too_long_a_head_is_refused_even_if_it_is_whole(n_bytes):
    async with gate() as (it, port):
        head = HEAD[:-2] + b"X: " + b"x" * n_bytes + b"\r\n\r\n"
        assert (await answered(port, head)).startswith(b"HTTP/1.1 431 ")
        assert it.refused == 1


async def test_whoever_sends_slowly_is_cut_off():
    async with gate() as (_, port):
        reader, writer = await opened(port)
        writer.write(HEAD[:5])
        async with asyncio.timeout(2):
            assert await reader.read() == b""
        writer.close()


async def test_whoever_came_in_may_take_as_long_as_he_likes():
    async with gate() as (_, port):
        said = await answered(port, HEAD, b"more", pause_s=0.5)
        assert said.endswith(b"inside:more")


async def test_too_many_are_sent_away_and_there_is_room_again_when_they_have_gone():
    async with gate(Limits(6, 4, 200, 30)) as (it, port):
        here = [await opened(port) for _ in range(4)]
        assert (await answered(port, HEAD)).startswith(b"HTTP/1.1 503 ")
        there = [await opened(port, "127.0.0.2") for _ in range(2)]
        reader, writer = await opened(port, "127.0.0.3")
        assert (await reader.read(12)) == b"HTTP/1.1 503"
        assert it.refused == 2
        for _, each in [*here, *there, (reader, writer)]:
            each.close()
        await asyncio.sleep(0.05)
        assert await answered(port, HEAD) == b"inside:" + HEAD
