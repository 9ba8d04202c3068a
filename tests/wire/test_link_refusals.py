"""Links that do not come about: one clear sentence each, of the class that says who must react."""

import socket
import threading
import time

import pytest

from tests.ports import free_port
from tests.wire.peers import (
    agent,
    answering,
    deaf_port,
    dialer,
    heard,
    inet,
    refusal,
    resolver_of,
    sending,
    tcp_server,
)
from voiced.agents.codec import Dial
from voiced.devices.network.resolver import Resolver
from voiced.errors import AgentBusy, LinkError, LinkRejected, Unreached

pytestmark = pytest.mark.real_time


STATUSES = [
    ("401 Unauthorized", LinkRejected, "refused the key (HTTP 401); check the agent's key"),
    ("403 Forbidden", LinkRejected, "refused the key (HTTP 403); check the agent's key"),
    ("404 Not Found", LinkError, "has no agent at this path (HTTP 404); check its address"),
    ("429 Too Many Requests", AgentBusy, "is too busy now (HTTP 429)"),
    ("503 Service Unavailable", AgentBusy, "is too busy now (HTTP 503)"),
    ("500 Oops", LinkError, "refused the connection (HTTP 500)"),
    ("502 Bad Gateway", LinkError, "refused the connection (HTTP 502)"),
    (
        "511 Network Authentication Required",
        LinkError,
        "sends us elsewhere (HTTP 511); does this network have a login page?",
    ),
    (
        "200 OK",
        LinkError,
        "answered with a web page; does this network have a login page, "
        "or is the agent's address wrong?",
    ),
    (
        "101 Switching Protocols",
        LinkError,
        "is not a WebSocket server; check the agent's address",
    ),
]


@pytest.mark.parametrize(("status", "kind", "sentence"), STATUSES)
async def test_an_http_status_instead_of_the_upgrade_is_told(status, kind, sentence):
    async with answering(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()) as port:
        found = await refusal(f"ws://127.0.0.1:{port}")
        assert found == (kind, f"127.0.0.1:{port} {sentence}")


async def test_a_redirect_is_not_followed_because_it_would_carry_the_key_elsewhere():
    visits = []

    async def behave(connection):
        visits.append(connection.request)

    async with agent(behave) as elsewhere:
        location = f"Location: ws://127.0.0.1:{elsewhere}/\r\n"
        answer = f"HTTP/1.1 302 Found\r\n{location}Content-Length: 0\r\n\r\n".encode()
        async with answering(answer) as port:
            assert await refusal(f"ws://127.0.0.1:{port}") == (
                LinkError,
                f"127.0.0.1:{port} sends us elsewhere (HTTP 302); "
                "does this network have a login page?",
            )
    assert visits == []


async def test_a_peer_that_speaks_no_http_is_told():
    async with answering(b"220 mail.test ESMTP\r\n\r\n") as port:
        assert await refusal(f"ws://127.0.0.1:{port}") == (
            LinkError,
            f"127.0.0.1:{port} is not a WebSocket server; check the agent's address",
        )


async def test_a_peer_that_hangs_up_during_the_handshake_is_told():
    async def hang_up(reader, writer):
        await reader.readuntil(b"\r\n\r\n")

    async with tcp_server(hang_up) as port:
        assert await refusal(f"ws://127.0.0.1:{port}") == (
            LinkError,
            f"127.0.0.1:{port} cut the connection before it was set up",
        )


async def test_a_closed_port_is_told():
    port = free_port()
    assert await refusal(f"ws://127.0.0.1:{port}") == (
        Unreached,
        f"127.0.0.1:{port} refused the connection; nothing listens there",
    )


async def test_a_port_behind_a_firewall_is_told_within_the_connect_timeout():
    started_s = time.monotonic()
    with deaf_port() as port:
        assert await refusal(f"ws://127.0.0.1:{port}", connect_timeout_s=0.3) == (
            LinkError,
            f"127.0.0.1:{port} did not answer within 0.3 s; does a firewall block this port?",
        )
    assert time.monotonic() - started_s < 3


async def test_no_route_is_told():
    """255.255.255.255 is unreachable by TCP everywhere."""
    resolver = resolver_of(inet(443, "255.255.255.255"))
    assert await refusal("wss://agent.test", resolver=resolver) == (
        Unreached,
        "there is no route to agent.test:443; is the network up?",
    )


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        (
            socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
            "the name agent.test does not exist; is it spelt right, and known in this network?",
        ),
        (
            socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
            "no name server can be reached for agent.test; is the network up?",
        ),
        (
            socket.gaierror(socket.EAI_FAIL, "Non-recoverable failure"),
            "the name agent.test cannot be looked up: Non-recoverable failure",
        ),
        (
            UnicodeError("label too long"),
            "agent.test is not a possible host name; correct the address",
        ),
    ],
)
async def test_a_name_that_cannot_be_looked_up_is_told(failure, sentence):
    def fail(*_args, **_kwargs):
        raise failure

    nobody_asked = getattr(failure, "errno", None) == socket.EAI_AGAIN
    kind = Unreached if nobody_asked else LinkError
    assert await refusal("wss://agent.test", resolver=Resolver(fail)) == (kind, sentence)


async def test_dead_name_servers_are_told_within_the_connect_timeout():
    over = threading.Event()
    resolver = Resolver(lambda *_args, **_kwargs: over.wait(5) or [])
    started_s = time.monotonic()
    found = await refusal("wss://agent.test", resolver=resolver, connect_timeout_s=0.3)
    over.set()
    assert found == (LinkError, "no name server answered for agent.test; is the network up?")
    assert time.monotonic() - started_s < 3


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        (
            "ws://agent.test/v1/ws?token=t",
            "ws://agent.test would send the key and your voice in clear; use wss://",
        ),
        *(
            (url, "the agent's address is not a usable URL; it must look like wss://host/path")
            for url in (
                "wss://:port/",
                "wss://agent.test/#part",
                "wss://one@agent.test",
                "agent",
                "",
            )
        ),
    ],
)
async def test_an_address_that_must_not_be_dialled_is_refused(url, sentence):
    async with agent(sending()) as port:
        resolver = resolver_of(inet(port))
        assert await refusal(url, resolver=resolver) == (LinkRejected, sentence)


async def test_a_key_of_two_lines_is_refused_before_it_is_sent():
    headers = {"Authorization": "Bearer one\r\nX-Two: two"}
    assert await refusal("wss://agent.test", headers=headers) == (
        LinkRejected,
        "the Authorization header contains characters that cannot be sent; "
        "it must be one line of text",
    )


async def test_a_broken_first_address_costs_a_quarter_of_a_second():
    async with agent(sending("hello")) as port:
        with deaf_port() as deaf:
            resolver = resolver_of(inet(deaf), inet(port))
            started_s = time.monotonic()
            async with dialer(resolver=resolver)(Dial(f"ws://localhost:{port}")) as link:
                assert time.monotonic() - started_s < 2
                assert await heard(link) == ["hello"]


async def test_a_broken_ipv6_costs_a_quarter_of_a_second():
    """Broken as at home: the router hands out addresses and forwards nothing."""
    async with agent(sending("hello")) as port:
        with deaf_port(socket.AF_INET6, "::1") as deaf:
            broken = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", deaf, 0, 0))
            started_s = time.monotonic()
            connecting = dialer(resolver=resolver_of(broken, inet(port)))
            async with connecting(Dial(f"ws://localhost:{port}")) as link:
                assert 0.2 < time.monotonic() - started_s < 2
                assert await heard(link) == ["hello"]


async def test_when_no_address_answers_all_are_tried():
    resolver = resolver_of(inet(free_port()), inet(443, "255.255.255.255"))
    assert await refusal("wss://agent.test", resolver=resolver) == (
        Unreached,
        "agent.test:443 cannot be reached at any of its addresses; is the network up?",
    )
