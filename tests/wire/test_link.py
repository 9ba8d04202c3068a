"""An open link: messages both ways, its end, its bounds."""

import asyncio
import socket
import time

import pytest
from websockets.frames import Close

from tests.wire.fault_proxy import FaultProxy
from tests.wire.peers import agent, dialer, echo, heard, leaving_nothing, listen, sending
from voiced.agents.codec import Dial
from voiced.devices.network.link import LinkOptions
from voiced.errors import LinkError

pytestmark = pytest.mark.real_time


async def test_text_and_binary_messages_go_both_ways():
    async with agent(echo) as port, dialer()(Dial(f"ws://127.0.0.1:{port}/v1/ws")) as link:
        await link.send("text")
        await link.send(b"binary")
        assert [await anext(link), await anext(link)] == ["text", b"binary"]


async def test_the_dialled_path_query_and_headers_arrive():
    requests = []

    async def behave(connection):
        requests.append(connection.request)

    async with agent(behave) as port:
        dial = Dial(f"ws://127.0.0.1:{port}/v1/ws?token=t1", {"Authorization": "Bearer k1"})
        async with dialer()(dial) as link:
            await heard(link)
    assert requests[0].path == "/v1/ws?token=t1"
    assert requests[0].headers["Authorization"] == "Bearer k1"
    assert requests[0].headers["Host"] == f"127.0.0.1:{port}"
    assert "Sec-WebSocket-Extensions" not in requests[0].headers


async def test_compression_is_offered_when_asked_for():
    requests = []

    async def behave(connection):
        requests.append(connection.request)

    async with (
        agent(behave) as port,
        dialer(compression=True)(Dial(f"ws://127.0.0.1:{port}")) as link,
    ):
        await heard(link)
    assert "permessage-deflate" in requests[0].headers["Sec-WebSocket-Extensions"]


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1011, 4003])
async def test_the_peers_close_code_and_reason_are_told(code):
    async with (
        agent(sending("one", "two", code=code, reason="why")) as port,
        dialer()(Dial(f"ws://127.0.0.1:{port}")) as link,
    ):
        assert await heard(link) == ["one", "two"]
        assert (link.close_code, link.close_reason) == (code, "why")


async def test_a_close_without_a_code_has_none():
    async def behave(connection):
        connection.protocol.send_close()
        connection.send_data()
        await connection.wait_closed()

    async with agent(behave) as port, dialer()(Dial(f"ws://127.0.0.1:{port}")) as link:
        assert await heard(link) == []
        assert link.close_code is None


async def test_a_peer_that_only_repeats_our_failure_code_closed_nothing():
    """Its 1009 would otherwise be taken for the agent's own verdict."""
    async with (
        agent(sending("x" * 2000)) as port,
        dialer(max_message_bytes=1000)(Dial(f"ws://127.0.0.1:{port}")) as link,
    ):
        assert await heard(link) == []
        assert link.close_code is None
        assert link.close_reason == "frame with 2000 bytes exceeds limit of 1000 bytes"


async def test_our_own_polite_close_ends_the_iteration():
    async with agent(listen) as port, dialer()(Dial(f"ws://127.0.0.1:{port}")) as link:
        async with asyncio.TaskGroup() as group:
            receiving = group.create_task(heard(link))
            await asyncio.sleep(0.01)
            await link.close()
        assert receiving.result() == []
        assert link.close_code == 1000


async def test_leaving_the_body_says_goodbye_to_the_peer():
    closes = []

    async def behave(connection):
        await connection.wait_closed()
        closes.append(connection.protocol.close_rcvd)

    async with agent(behave) as port, dialer()(Dial(f"ws://127.0.0.1:{port}")):
        pass
    assert closes == [Close(1000, "")]


async def test_a_failing_body_cuts_the_link_at_once():
    closes = []

    async def behave(connection):
        await connection.wait_closed()
        closes.append(connection.protocol.close_rcvd)

    async with agent(behave) as port, leaving_nothing():
        with pytest.raises(RuntimeError):
            async with dialer()(Dial(f"ws://127.0.0.1:{port}")):
                raise RuntimeError
    assert closes == [None]


async def test_sending_on_a_closed_link_is_a_link_error():
    async with agent(sending()) as port, dialer()(Dial(f"ws://127.0.0.1:{port}")) as link:
        await heard(link)
        with pytest.raises(LinkError, match=r"^the connection to the agent is closed$"):
            await link.send("late")


async def test_a_message_as_large_as_may_be_arrives_whole():
    message = "audio" * (LinkOptions().max_message_bytes // 5)
    async with (
        agent(sending(message)) as port,
        dialer()(Dial(f"ws://127.0.0.1:{port}")) as link,
    ):
        assert await heard(link) == [message]


async def test_a_larger_message_ends_the_link_before_it_is_read():
    n_bytes = LinkOptions().max_message_bytes + 1
    async with (
        agent(sending("x" * n_bytes)) as port,
        dialer()(Dial(f"ws://127.0.0.1:{port}")) as link,
    ):
        assert await heard(link) == []
        assert link.close_reason.startswith(f"frame with {n_bytes} bytes exceeds limit")


async def test_a_burst_longer_than_the_librarys_queue_arrives_in_order():
    messages = [str(n) for n in range(2000)]
    async with (
        agent(sending(*messages)) as port,
        dialer()(Dial(f"ws://127.0.0.1:{port}")) as link,
    ):
        assert await heard(link) == messages


async def test_the_socket_is_set_to_notice_a_dead_peer():
    async with agent(listen) as port, dialer()(Dial(f"ws://127.0.0.1:{port}")) as link:
        sock = link._connection.transport.get_extra_info("socket")
        options = {
            name: sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))
            for name in (
                "TCP_KEEPIDLE",
                "TCP_KEEPINTVL",
                "TCP_KEEPCNT",
                "TCP_USER_TIMEOUT",
                "TCP_NOTSENT_LOWAT",
            )
        }
        assert options == {
            "TCP_KEEPIDLE": 5,
            "TCP_KEEPINTVL": 2,
            "TCP_KEEPCNT": 2,
            "TCP_USER_TIMEOUT": 5000,
            "TCP_NOTSENT_LOWAT": 16_384,
        }
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


async def test_a_link_through_a_slow_jittery_network_keeps_order():
    messages = [f"{n:04}" * 100 for n in range(100)]
    async with agent(echo) as port, FaultProxy(port) as proxy:
        proxy.latency_s, proxy.jitter_s, proxy.bytes_per_s = 0.02, 0.03, 400_000
        async with dialer()(Dial(f"ws://127.0.0.1:{proxy.port}")) as link:
            started_s = time.monotonic()
            for message in messages:
                await link.send(message)
            echoed = [await anext(link) for _ in messages]
    assert echoed == messages
    assert time.monotonic() - started_s > 0.04


async def test_a_link_asks_the_kernel_for_little_at_a_time():
    async with agent(echo) as port, dialer()(Dial(f"ws://127.0.0.1:{port}")) as link:
        assert link._connection.transport.max_size <= 64 * 1024
