"""Agents that send much that says nothing: the link is given up, and the loop goes on (devices/network/websocket.py)."""

import asyncio
import contextlib
import re

import pytest
from websockets.utils import accept_key

from tests.wire.pauses import MOST_PAUSE, pauses, steps_s
from tests.wire.peers import agent, dialer, leaving_nothing, tcp_server
from voiced.agents.codec import Dial
from voiced.devices.network.websocket import EMPTY_AT_ONCE, EMPTY_PER_S, FLOODED
from voiced.errors import LinkError

pytestmark = pytest.mark.real_time

FLOODS = {
    "pings": b"\x89\x00",
    "long pings": b"\x89\x7d" + b"x" * 125,
    "pongs": b"\x8a\x00",
    "messages of nothing": b"\x81\x00",
    "parts of nothing": b"\x01\x00" + b"\x00\x00" * 1000 + b"\x80\x00",
}


@pytest.mark.parametrize("kind", FLOODS)
async def test_an_agent_that_floods_is_left_and_stops_nothing(kind, measured):
    piece = FLOODS[kind] * (200_000 // len(FLOODS[kind]))

    async def behave(connection):
        await connection.recv()
        with contextlib.suppress(OSError):
            while not connection.transport.is_closing():
                connection.transport.write(piece)
                await asyncio.sleep(0.001)

    async with (
        leaving_nothing(),
        agent(behave) as port,
        asyncio.timeout(10),
        dialer()(Dial(f"ws://127.0.0.1:{port}/")) as link,
        pauses() as found,
    ):
        await link.send("begin")
        async for _ in link:
            pass
        assert link.close_reason == FLOODED
    measured(f"link: {kind} without end paused the loop for {max(found) * 1000:.0f} ms")
    assert max(found) < MOST_PAUSE * steps_s()


async def test_an_agent_that_floods_right_after_the_upgrade_is_refused():
    async def talk(reader, writer):
        request = await reader.readuntil(b"\r\n\r\n")
        key = re.search(rb"(?i)sec-websocket-key: (.*)\r", request)[1].decode()
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept_key(key).encode() + b"\r\n\r\n" + b"\x89\x00" * 5000
        )
        await reader.read()

    async with leaving_nothing(), tcp_server(talk) as port:
        with pytest.raises(LinkError, match=FLOODED):
            async with dialer()(Dial(f"ws://127.0.0.1:{port}/")):
                raise AssertionError


async def test_an_agent_that_sends_fast_what_says_something_is_heard():
    """All of a long answer may come at once, and a ping now and then."""
    messages = ['{"type":"reply"}', b"\0" * 320] * 5000

    async def behave(connection):
        for number, message in enumerate(messages):
            await connection.send(message)
            if number % (len(messages) // EMPTY_AT_ONCE) == 0:
                await connection.ping()

    async with agent(behave) as port, dialer()(Dial(f"ws://127.0.0.1:{port}/")) as link:
        assert [message async for message in link] == messages


async def test_pings_that_go_on_for_a_while_are_borne():
    async def behave(connection):
        for _ in range(EMPTY_PER_S):
            await connection.ping()
            await asyncio.sleep(1 / EMPTY_PER_S)

    async with agent(behave) as port, dialer()(Dial(f"ws://127.0.0.1:{port}/")) as link:
        assert [message async for message in link] == []
        assert link.close_reason == ""
