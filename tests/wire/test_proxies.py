"""One rule for proxies and one way to look names up, whatever goes over the network."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace

import pytest

from tests.wire.broker import broker
from tests.wire.connect_proxy import ConnectProxy
from tests.wire.mcp_house import QUICK, web_server
from tests.wire.peers import agent, heard, inet, leaving_nothing, resolver_of, sending, tcp_server
from voiced.agents.codec import Dial, HttpCall
from voiced.devices.network.connector import Connector
from voiced.devices.network.endpoint import Endpoint
from voiced.devices.network.http import AiohttpCaller
from voiced.devices.network.link import LinkOptions
from voiced.devices.network.mqtt_socket import Client, Opener
from voiced.devices.network.resolver import Resolver
from voiced.devices.network.websocket import WebSocketDialer
from voiced.errors import LinkError, LinkRejected
from voiced.tools.mcp.server import McpServer
from voiced.tools.mcp.spec import Server
from voiced.tools.mcp.worker_thread import WorkerThread

pytestmark = pytest.mark.real_time

NTLM = b"HTTP/1.1 407 x\r\nProxy-Authenticate: NTLM\r\nProxy-Authenticate: Negotiate\r\nContent-Length: 0\r\n\r\n"
FOREIGN = (
    "the proxy wants NTLM or Kerberos (Negotiate) (HTTP 407), which this device does not speak"
)


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    for name in ("http_proxy", "https_proxy", "wss_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


async def by_link(options, resolver, port):
    async with WebSocketDialer(options, resolver)(Dial(f"wss://agent.test:{port}/")) as link:
        assert await heard(link) == ["hello"]


async def by_call(options, resolver, port):
    call = HttpCall("GET", f"https://agent.test:{port}/", {}, b"")
    answer = await AiohttpCaller(options, resolver)(call)
    assert answer.status == 426  # what is there speaks WebSocket


async def by_broker(options, resolver, port):
    there = Endpoint("mqtt", "agent.test", port)
    opened = await Opener(there, None, Connector(options, resolver)).open()
    async with Client(opened, there, identifier="x"):
        pass


async def by_mcp(options, resolver, port):
    it = McpServer(
        # The real server answers only to whoever takes it for one of this machine.
        Server("home", f"http://agent.test:{port}/mcp", lambda: {"Host": f"127.0.0.1:{port}"}),
        WorkerThread(),
        lambda: None,
        QUICK,
        Connector(options, resolver),
    )
    lost = asyncio.get_running_loop().create_future()
    it._log_outage = lambda error: lost.done() or lost.set_result(error)
    running = asyncio.create_task(it.run())
    try:
        async with asyncio.timeout(15):
            reached = asyncio.create_task(it.reached.wait())
            await asyncio.wait([reached, lost], return_when=asyncio.FIRST_COMPLETED)
    finally:
        reached.cancel()
        running.cancel()
        await asyncio.wait([running, reached])
    if lost.done():
        raise lost.result()


@asynccontextmanager
async def greeting(world):
    async with agent(sending("hello"), ssl=world.serving) as there:
        yield there


@asynccontextmanager
async def mosquitto(world):
    async with broker(world.folder, world.port):
        yield world.port


@asynccontextmanager
async def mcp(world):
    async with web_server(world.port):
        yield world.port


@pytest.fixture
def world(tmp_path, unused_port, authority, serving):
    trusting = LinkOptions(ca_file=authority.ca_file)
    return SimpleNamespace(folder=tmp_path, port=unused_port, serving=serving, options=trusting)


KINDS = pytest.mark.parametrize(
    ("peer", "go"),
    [(greeting, by_link), (greeting, by_call), (mosquitto, by_broker), (mcp, by_mcp)],
    ids=["agent", "settings server", "broker", "mcp"],
)


@KINDS
@pytest.mark.parametrize("where", ["the environment", "the settings"])
async def test_a_proxy_is_given_the_name(world, monkeypatch, peer, go, where):
    async with peer(world) as port:
        proxy = ConnectProxy(port, credentials="alice:p@ss:w/rd")
        async with proxy.serving() as proxy_port, leaving_nothing():
            url = f"http://alice:p%40ss%3Aw%2Frd@127.0.0.1:{proxy_port}"
            monkeypatch.setenv("all_proxy", url if where == "the environment" else "http://no.test")
            setting = "auto" if where == "the environment" else url
            options = replace(world.options, proxy=setting)
            await go(options, Resolver(), port)
    assert set(proxy.requests) == {f"CONNECT agent.test:{port} HTTP/1.1"}


@KINDS
async def test_what_is_excepted_is_reached_without_a_proxy_and_by_the_one_lookup(
    world, monkeypatch, peer, go
):
    asked = []

    def names(host, port, **_):
        asked.append(host)
        return [inet(there)]

    async with peer(world) as there:
        proxy = ConnectProxy(there)
        async with proxy.serving() as proxy_port:
            monkeypatch.setenv("all_proxy", f"http://127.0.0.1:{proxy_port}")
            monkeypatch.setenv("no_proxy", "agent.test")
            await go(world.options, Resolver(names), there)
    assert proxy.requests == []
    assert set(asked) == {"agent.test"}


@KINDS
async def test_a_proxy_that_wants_ntlm_is_told(world, peer, go):
    proxy = ConnectProxy(0, refusal=NTLM)
    async with proxy.serving() as proxy_port, leaving_nothing():
        options = replace(world.options, proxy=f"http://127.0.0.1:{proxy_port}")
        with pytest.raises(LinkRejected) as refused:
            await go(options, Resolver(), 443)
        assert refused.value.reason == FOREIGN
        assert "cntlm" in str(refused.value)


@KINDS
@pytest.mark.parametrize("address", ["0.0.0.0", "::"])  # noqa: S104 - nobody listens
async def test_a_name_that_is_blocked_is_told(world, peer, go, address):
    resolver = resolver_of(inet(443, address))
    with pytest.raises(LinkError) as refused:
        await go(world.options, resolver, 443)
    assert str(refused.value) == (
        f"the name agent.test is blocked here: the name server answers {address}; "
        "allow it in the filter of this network (Pi-hole, AdGuard, router)"
    )


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 403 No\r\n\r\n", "the proxy did not let the connection through (HTTP 403)"),
        (b"SSH-2.0-x\r\n\r\n", "the proxy did not let the connection through"),
        (b"HTTP/1.1 200 OK\r\n\r\nmore", "the proxy did not let the connection through"),
        (b"HTTP/1.1 200 OK\r\n", "the proxy did not let the connection through"),
        (b"x" * 20_000, "the proxy did not let the connection through"),
    ],
)
async def test_a_proxy_that_refuses_a_broker_is_told(answer, reason):
    proxy = ConnectProxy(0, refusal=answer)
    async with proxy.serving() as port, leaving_nothing():
        connect = Connector(LinkOptions(proxy=f"http://127.0.0.1:{port}"))
        with pytest.raises(LinkError) as refused:
            await connect(Endpoint("mqtts", "broker.test", 8883))
        assert str(refused.value) == reason


async def test_a_proxy_that_says_nothing_is_given_up():
    async def say_nothing(reader, writer):
        await reader.read()

    async with tcp_server(say_nothing) as port, leaving_nothing():
        connect = Connector(LinkOptions(proxy=f"http://127.0.0.1:{port}"))
        with pytest.raises(
            LinkError, match=f"the proxy 127.0.0.1:{port} did not answer within 0.2"
        ):
            await connect(Endpoint("mqtts", "broker.test", 8883), 0.2)


async def test_a_proxy_that_wants_tls_itself_is_told_to_be_of_no_use_to_a_broker():
    connect = Connector(LinkOptions(proxy="https://proxy.test"))
    with pytest.raises(LinkRejected, match="a proxy that wants TLS itself; use a proxy at an http"):
        await connect(Endpoint("mqtts", "broker.test", 8883))


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
async def test_a_broker_is_reached_through_a_socks_proxy(tmp_path, unused_port, scheme):
    asked = []

    async def socks(reader, writer):
        """RFC 1928."""
        await reader.readexactly(3)
        writer.write(b"\x05\x00")
        kind = (await reader.readexactly(4))[3]
        length = 4 if kind == 1 else (await reader.readexactly(1))[0]
        asked.append((kind, await reader.readexactly(length + 2)))
        writer.write(b"\x05\x00\x00\x01" + bytes(6))

    resolver = Resolver(lambda *_, **__: [inet(0, "192.0.2.7")])
    async with tcp_server(socks) as port, leaving_nothing():
        connect = Connector(LinkOptions(proxy=f"{scheme}://127.0.0.1:{port}"), resolver)
        opened = await connect(Endpoint("mqtts", "broker.test", 8883))
        opened.close()
    named = {"socks5": (1, bytes([192, 0, 2, 7])), "socks5h": (3, b"broker.test")}[scheme]
    assert asked == [(named[0], named[1] + (8883).to_bytes(2, "big"))]
