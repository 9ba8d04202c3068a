"""Links that die: who notices, how soon, and what is left behind."""

import asyncio
import socket
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.whole import until
from tests.wire.fault_proxy import FaultProxy
from tests.wire.peers import (
    agent,
    dialer,
    echo,
    heard,
    leaving_nothing,
    listen,
    sending,
    tcp_server,
)
from tests.wire.steps import cancelled_at_step
from voiced.agents.codec import Dial
from voiced.devices.network.connecting import MOST_SOCKETS
from voiced.devices.network.connector import Connector
from voiced.devices.network.endpoint import Endpoint
from voiced.devices.network.link import LinkOptions
from voiced.devices.network.websocket import MOST_UNREAD_BYTES
from voiced.errors import LinkError

pytestmark = pytest.mark.real_time

SYN_SENT = "02"
"""The state in `/proc/net/tcp`."""


@pytest.mark.parametrize("end", ["reset", "cut"])
async def test_a_peer_that_vanishes_ends_the_iteration_without_a_code(end):
    async with (
        agent(echo) as port,
        FaultProxy(port) as proxy,
        leaving_nothing(),
        dialer()(Dial(f"ws://127.0.0.1:{proxy.port}")) as link,
    ):
        await link.send("one")
        assert await anext(link) == "one"
        getattr(proxy, end)()
        assert await asyncio.wait_for(heard(link), 0.5) == []
        assert link.close_code is None


async def test_a_reset_is_told_as_the_reason():
    async with (
        agent(echo) as port,
        FaultProxy(port) as proxy,
        dialer()(Dial(f"ws://127.0.0.1:{proxy.port}")) as link,
    ):
        proxy.reset()
        await heard(link)
        assert link.close_reason == "Connection reset by peer"


async def test_a_link_cut_in_the_middle_of_a_message_gives_no_part_of_it():
    async with agent(sending("x" * 10_000)) as port, FaultProxy(port) as proxy:
        proxy.drop_after_bytes = 5000
        async with dialer()(Dial(f"ws://127.0.0.1:{proxy.port}")) as link:
            assert await heard(link) == []
            assert link.close_code is None


async def send_for_ever(link):
    while True:
        await link.send("x" * 1300)


async def test_a_peer_that_stops_reading_is_given_up_within_the_send_timeout():
    async with agent(listen) as port, FaultProxy(port) as proxy, leaving_nothing():
        async with dialer(send_timeout_s=0.4)(Dial(f"ws://127.0.0.1:{proxy.port}")) as link:
            proxy.freeze()
            with pytest.raises(LinkError, match=r"^the agent took no data for 0\.4 s$"):
                await send_until_blocked(link)
            started_s = time.monotonic()
            assert await heard(link) == []
            assert (link.close_code, link.close_reason) == (
                None,
                "the agent took no data for 0.4 s",
            )
        assert time.monotonic() - started_s < 0.9
        proxy.thaw()


async def send_until_blocked(link):
    """Send until a send fails; check that the failing one took no longer than it may."""
    loop = asyncio.get_running_loop()
    while True:
        began_s = loop.time()
        try:
            await link.send("x" * 1300)
        except LinkError:
            assert 0.39 <= loop.time() - began_s <= 2
            raise


async def test_unsent_sound_is_felt_by_the_sender_before_the_librarys_write_limit():
    """Else a slow network would hide a minute of delay in a buffer."""
    async with (
        agent(listen) as port,
        FaultProxy(port) as proxy,
        dialer()(Dial(f"ws://127.0.0.1:{proxy.port}")) as link,
    ):
        proxy.freeze()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(send_for_ever(link), 0.3)
        assert 65_536 < link._connection.transport.get_write_buffer_size() < 70_000
        link.abort()


@pytest.mark.parametrize("write_limit", [4 * 1024 * 1024, 16 * 1024])
async def test_a_cancelled_blocked_send_holds_nothing_up(write_limit):
    """Not even where the library's close waits for its full write buffer."""
    async with agent(listen) as port, FaultProxy(port) as proxy, leaving_nothing():
        started_s = time.monotonic()
        connecting = dialer(close_timeout_s=0.1, write_limit=write_limit)
        async with connecting(Dial(f"ws://127.0.0.1:{proxy.port}")) as link:
            proxy.freeze()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(send_for_ever(link), 0.3)
        assert time.monotonic() - started_s < 1.2
        proxy.thaw()


async def test_a_polite_close_of_a_frozen_peer_takes_no_longer_than_its_bound():
    async with agent(listen) as port, FaultProxy(port) as proxy, leaving_nothing():
        async with dialer(close_timeout_s=0.2)(Dial(f"ws://127.0.0.1:{proxy.port}")):
            proxy.freeze()
            started_s = time.monotonic()
        assert 0.15 < time.monotonic() - started_s < 0.9
        proxy.thaw()


async def test_an_aborted_link_ends_at_once():
    async with agent(listen) as port, dialer()(Dial(f"ws://127.0.0.1:{port}")) as link:
        link.abort()
        assert await asyncio.wait_for(heard(link), 0.2) == []
        assert link.close_code is None
        with pytest.raises(LinkError):
            await link.send("late")
        await link.close()


async def test_an_agent_that_hangs_up_while_much_is_unsent_ends_the_link_in_good_order():
    """What is unsent leaves after the end has come, and asyncio forgets a socket that ends so."""
    full, closing = asyncio.Event(), asyncio.Event()

    async def hang_up(connection):
        connection.transport.pause_reading()
        await full.wait()
        connection.protocol.fail(1009, "too much")
        connection.send_data()
        await closing.wait()
        connection.transport.resume_reading()
        await connection.wait_closed()

    async with (
        agent(hang_up) as port,
        leaving_nothing(),
        dialer()(Dial(f"ws://127.0.0.1:{port}")) as link,
    ):
        transport = link._connection.transport
        sending = asyncio.create_task(link.send("x" * (MOST_UNREAD_BYTES - 1024)))
        await until(transport.get_write_buffer_size)
        full.set()
        await until(transport.is_closing)
        assert transport.get_write_buffer_size()
        closing.set()
        assert await asyncio.wait_for(heard(link), 2) == []
        await sending
        assert (link.close_code, link.close_reason) == (1009, "too much")
        with pytest.raises(LinkError):
            await link.send("late")
        await link.close()


async def test_a_slow_accept_is_waited_for():
    async with agent(sending("hello")) as port, FaultProxy(port) as proxy:
        proxy.accept_delay_s = 0.3
        async with dialer()(Dial(f"ws://127.0.0.1:{proxy.port}")) as link:
            assert await heard(link) == ["hello"]


async def test_a_peer_that_accepts_and_says_nothing_is_given_up():
    async def silent(reader, writer):
        await reader.read()

    async with tcp_server(silent) as port, leaving_nothing():
        with pytest.raises(LinkError, match=r"did not answer within 0\.2 s"):
            async with dialer(connect_timeout_s=0.2)(Dial(f"ws://127.0.0.1:{port}")):
                raise AssertionError


@pytest.mark.parametrize("scheme", ["ws", "wss"])
async def test_cancellation_at_every_step_leaves_no_task_and_no_socket(scheme, authority, serving):
    tls = serving if scheme == "wss" else None

    async def whole_life(port):
        dial = Dial(f"{scheme}://localhost:{port}")
        async with dialer(ca_file=authority.ca_file)(dial) as link:
            await link.send("one")
            assert await anext(link) == "one"

    async with agent(echo, ssl=tls) as port:
        step = 1
        async with leaving_nothing():
            while await cancelled_at_step(step, whole_life(port)):
                step += 1
        assert step > 6


async def test_where_connections_get_no_answer_several_are_tried_and_one_is_left():
    with full_house() as (listening, port):
        connecting = asyncio.ensure_future(
            Connector(LinkOptions())(Endpoint("ws", "127.0.0.1", port))
        )
        seen = []
        for _ in range(40):
            await asyncio.sleep(0.05)
            seen.append(unanswered(port))
        assert 3 <= max(seen) <= MOST_SOCKETS
        waiting, _ = listening.accept()  # the next that knocks is let in
        with waiting, await connecting:
            assert unanswered(port) == 0


async def test_who_gives_up_on_a_connection_without_an_answer_leaves_nothing_behind():
    with full_house() as (_, port):
        with pytest.raises(LinkError, match="did not answer"):
            await Connector(LinkOptions(connect_timeout_s=0.6))(Endpoint("ws", "127.0.0.1", port))
        assert unanswered(port) == 0


@contextmanager
def full_house():
    """Listen where no further connection is answered: as many as fit wait to be accepted already."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listening:
        port = listening.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            yield listening, port


def unanswered(port):
    """Return how many sockets wait for an answer from `port`."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[3] == SYN_SENT and int(row[2].split(":")[1], 16) == port for row in rows)
