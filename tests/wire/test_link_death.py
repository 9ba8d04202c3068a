"""Signs of life: a dead peer is found, and what it had received is known."""

import asyncio
import contextlib
import socket
import threading
from itertools import takewhile

import pytest
from websockets.protocol import State
from websockets.server import ServerProtocol

from tests.wire.fault_proxy import FaultProxy
from tests.wire.peers import agent, dialer, heard, leaving_nothing, listen
from tests.wire.test_link_faults import send_for_ever
from voiced.agents.codec import Dial
from voiced.devices.network.liveness import Patience
from voiced.errors import LinkError

pytestmark = pytest.mark.real_time

QUICK = Patience(dead_after_s=0.3, ping_after_s=0.1, silent_after_s=0.4, look_every_s=0.05)


@contextlib.asynccontextmanager
async def watched(port, **options):
    """Open a link and watch it, as a connection does."""
    options = {"patience": QUICK, "close_timeout_s": 0.2} | options
    async with dialer(**options)(Dial(f"ws://127.0.0.1:{port}")) as link:
        watching = asyncio.create_task(link.watch())
        yield link
        watching.cancel()


async def test_an_idle_link_is_asked_for_a_sign_of_life_and_stays_open():
    async with agent(sending_after(1.0, "still here")) as port, watched(port) as link:
        assert await anext(link) == "still here"


async def test_a_peer_that_only_sends_is_alive():
    """Its pong may wait behind a long download."""

    async def behave(connection):
        connection.transport.pause_reading()  # deaf: no pong will come
        for _ in range(20):
            await connection.send("on and on")
            await asyncio.sleep(0.05)

    async with agent(behave) as port, watched(port) as link:
        for _ in range(20):
            assert await anext(link) == "on and on"


def sending_after(delay_s, message):
    async def behave(connection):
        await asyncio.sleep(delay_s)
        await connection.send(message)
        await connection.wait_closed()

    return behave


async def test_an_idle_half_open_link_is_found():
    async with agent(listen) as port, FaultProxy(port) as proxy, leaving_nothing():
        async with watched(proxy.port) as link:
            proxy.freeze()
            assert await asyncio.wait_for(heard(link), 1) == []
            assert link.close_code is None
            assert link.close_reason == "the agent was silent for 0.4 s"
        proxy.thaw()


async def test_a_half_open_link_is_found_while_the_microphone_streams():
    async with agent(listen) as port, FaultProxy(port) as proxy, watched(proxy.port) as link:
        proxy.freeze()
        async with asyncio.timeout(2):
            with pytest.raises(LinkError):
                await send_for_ever(link)
        assert await heard(link) == []
        assert link.close_reason == "the agent was silent for 0.4 s"


async def test_a_link_that_is_given_up_says_why():
    async with agent(listen) as port, watched(port) as link:
        link.give_up("the cable was pulled")
        link.give_up("and then something else")
        assert await heard(link) == []
        assert (link.close_code, link.close_reason) == (None, "the cable was pulled")


async def test_a_dead_link_is_reset_so_that_what_is_queued_is_never_sent():
    """A socket closed the ordinary way goes on sending once the network is back."""

    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    with listening:
        handshake = asyncio.create_task(asyncio.to_thread(shake_hands, listening, None))
        async with dialer(close_timeout_s=0.2)(Dial(f"ws://127.0.0.1:{port}")) as link:
            peer, _ = await handshake
            while link.written_bytes - link.acknowledged_bytes < 20_000:
                await link.send("x" * 10_000)
            link.abort()
            await heard(link)
            with peer:
                peer.settimeout(1)
                assert await asyncio.to_thread(rest_of, peer) == "reset"


def rest_of(peer):
    """Read all there is; return how it ends."""
    try:
        while peer.recv(1 << 20):
            pass
    except ConnectionResetError:
        return "reset"
    return "an ordinary end"


def shake_hands(listening, tls):
    """Answer the upgrade on a socket with a small buffer, and then read nothing."""
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    peer, _ = listening.accept()
    if tls is not None:
        peer = tls.wrap_socket(peer, server_side=True)
    server = ServerProtocol()
    while server.state is State.CONNECTING:
        server.receive_data(peer.recv(4096))
        for request in server.events_received():
            server.send_response(server.accept(request))
    for piece in server.data_to_send():
        peer.sendall(piece)
    return peer, server


def count_slowly(listening, tls, read_every_s):
    """Return how many messages arrive before the connection is reset."""
    peer, server = shake_hands(listening, tls)
    count = 0
    with peer:
        with contextlib.suppress(OSError):
            while piece := peer.recv(2000):
                server.receive_data(piece)
                count += len(server.events_received())
                threading.Event().wait(read_every_s)
        return count


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("read_every_s", [0.0, 0.003])
async def test_what_counts_as_acknowledged_did_reach_the_peer(
    authority, serving, secure, read_every_s
):
    options = {"ca_file": authority.ca_file} if secure else {}
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"{'wss' if secure else 'ws'}://127.0.0.1:{listening.getsockname()[1]}"
    with listening:
        tls = serving if secure else None
        counting = asyncio.create_task(
            asyncio.to_thread(count_slowly, listening, tls, read_every_s)
        )
        async with dialer(**options)(Dial(url)) as link:
            ends = []
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.4):
                    while True:
                        await link.send(str(len(ends)).rjust(1330))
                        ends.append(link.written_bytes)
                        await asyncio.sleep(0)
            link._look()
            link.abort()
        acknowledged = len(list(takewhile(lambda end: end <= link.acknowledged_bytes, ends)))
        assert 50 < acknowledged <= await counting


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
async def test_in_a_quiet_moment_everything_written_is_acknowledged(authority, serving, secure):
    options = {"ca_file": authority.ca_file} if secure else {}
    url = "wss" if secure else "ws"
    async with (
        agent(listen, ssl=serving if secure else None) as port,
        dialer(**options)(Dial(f"{url}://127.0.0.1:{port}")) as link,
    ):
        for _ in range(20):
            await link.send("x" * 1330)
            await asyncio.sleep(0.02)
        link._look()
        assert link.acknowledged_bytes == link.written_bytes > 20 * 1330
        closed_at = link.written_bytes
        await link.close()
        assert link.acknowledged_bytes >= closed_at
