"""Servers that answer an HTTP request without end: no kind of it takes memory or time (devices/network/http.py, websocket.py)."""

import asyncio
from contextlib import suppress

import pytest

from tests.memory import forget_peak, peak_mib
from tests.wire.pauses import MOST_PAUSE, pauses, steps_s
from tests.wire.peers import dialer, tcp_server
from voiced.agents.codec import Dial, HttpCall
from voiced.devices.network.http import AiohttpCaller
from voiced.devices.network.link import LinkOptions
from voiced.errors import LinkError

pytestmark = pytest.mark.real_time

WITHIN_S = 0.5
MOST_GROWTH_MIB = 16
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
FLOODS = {
    "preliminary answers": (b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 5000),
    "header fields": (b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n" * 5000),
    "one header field": (b"HTTP/1.1 200 OK\r\nX:", b"b" * 60_000),
    "a status line": (b"HTTP/1.1 200 ", b"b" * 60_000),
    "a body": (b"HTTP/1.1 200 OK\r\n\r\n", b"b" * 600_000),
    "a body of a length": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n",
        b"x" * 600_000,
    ),
    "small chunks": (CHUNKED, b"1\r\nx\r\n" * 5000),
    "a chunk's extension": (CHUNKED + b"1;", b"x" * 50_000),
    "a chunk's size": (CHUNKED, b"0" * 50_000),
    "trailers": (CHUNKED + b"0\r\n", b"X-A: b\r\n" * 5000),
    "more answers": (b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n" * 3000),
    "an upgrade and a body": (b"HTTP/1.1 426 No\r\nConnection: close\r\n\r\n", b"x" * 600_000),
}


def flooding(kind):
    first, piece = FLOODS[kind]

    async def talk(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(first)
        while True:
            writer.write(piece)
            await writer.drain()

    return tcp_server(talk)


async def call(port):
    caller = AiohttpCaller(LinkOptions(), timeout_s=WITHIN_S, in_clear=True)
    await caller(HttpCall("GET", f"http://127.0.0.1:{port}/"))


async def dial(port):
    dialling = dialer(connect_timeout_s=WITHIN_S)
    async with dialling(Dial(f"ws://127.0.0.1:{port}/")):
        raise AssertionError


async def test_no_answer_without_end_takes_memory(measured):
    with suppress(LinkError):
        await call(1)  # has the library imported
    worst, n_tries = {}, 0
    for kind in FLOODS:
        for ask in (call, dial):
            async with flooding(kind) as port:
                forget_peak()
                before_mib = peak_mib()
                async with asyncio.timeout(10):
                    with pytest.raises(LinkError):
                        await ask(port)
                worst[f"{ask.__name__}: {kind}"] = peak_mib() - before_mib
                n_tries += 1
    largest = max(worst, key=worst.get)
    measured(f"HTTP: {n_tries} floods took {worst[largest]:.1f} MiB at most ({largest})")
    assert worst[largest] < MOST_GROWTH_MIB


async def test_no_preliminary_answers_without_end_stop_the_loop(measured):
    """Each is as short as it may be."""
    with suppress(LinkError):
        await call(1)  # has the library imported

    async def talk(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        while True:
            writer.write(b"HTTP/1.1 100 C\r\n\r\n" * 20_000)
            await writer.drain()

    async with tcp_server(talk) as port, pauses() as found:
        with pytest.raises(LinkError):
            await call(port)
    measured(f"HTTP: preliminary answers paused the loop for {max(found) * 1000:.0f} ms")
    assert max(found) < MOST_PAUSE * steps_s()
