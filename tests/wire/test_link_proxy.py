"""Links through proxies, from the configuration and from the environment."""

import contextlib
import gc
import logging

import pytest

from tests.ports import free_port
from tests.wire.connect_proxy import ConnectProxy
from tests.wire.peers import (
    agent,
    dialer,
    heard,
    inet,
    leaving_nothing,
    refusal,
    resolver_of,
    sending,
    tcp_server,
)
from tests.wire.steps import cancelled_at_step
from voiced.agents.codec import Dial
from voiced.errors import LinkError, LinkRejected, Unreached

pytestmark = pytest.mark.real_time

DIAL = Dial("wss://agent.test/v1/ws", {"Authorization": "Bearer k1"})


@pytest.fixture(autouse=True)
def no_proxy_from_outside(monkeypatch):
    for name in ("http_proxy", "https_proxy", "wss_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@contextlib.asynccontextmanager
async def proxied_agent(serving, **options):
    """Serve a greeting agent over TLS and a proxy that leads to it; yield proxy and its port."""
    async with agent(sending("hello"), ssl=serving) as port:
        proxy = ConnectProxy(port, **options)
        async with proxy.serving() as proxy_port:
            yield proxy, proxy_port


async def test_a_configured_proxy_is_used_and_given_the_name(authority, serving):
    async with proxied_agent(serving) as (proxy, port), leaving_nothing():
        connecting = dialer(proxy=f"http://127.0.0.1:{port}", ca_file=authority.ca_file)
        async with connecting(DIAL) as link:
            assert await heard(link) == ["hello"]
    assert proxy.requests == ["CONNECT agent.test:443 HTTP/1.1"]


async def test_a_proxy_gets_its_password(authority, serving):
    async with proxied_agent(serving, credentials="me:s3 cret") as (_, port):
        proxy = f"http://me:s3%20cret@127.0.0.1:{port}"
        async with dialer(proxy=proxy, ca_file=authority.ca_file)(DIAL) as link:
            assert await heard(link) == ["hello"]


@pytest.mark.parametrize("user", ["", "me:wrong@"])
async def test_a_proxy_that_wants_another_password_is_told(serving, user):
    async with proxied_agent(serving, credentials="me:secret") as (_, port):
        assert await refusal(DIAL.url, proxy=f"http://{user}127.0.0.1:{port}") == (
            LinkRejected,
            "the proxy wants a user name and password (HTTP 407); put them into the proxy's URL",
        )


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (
            b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n",
            "the proxy did not let the connection through (HTTP 403)",
        ),
        (b"SSH-2.0-x\r\n\r\n", "the proxy did not let the connection through"),
    ],
)
async def test_a_proxy_that_refuses_is_told(serving, answer, sentence):
    async with proxied_agent(serving, refusal=answer) as (_, port):
        found = await refusal(DIAL.url, proxy=f"http://127.0.0.1:{port}")
        assert found == (LinkError, sentence)


async def test_tls_that_fails_behind_a_proxy_is_told_and_leaves_no_traceback(caplog):
    async def answer_in_clear(reader, writer):
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with tcp_server(answer_in_clear) as target, ConnectProxy(target).serving() as port:
        kind, text = await refusal(DIAL.url, proxy=f"http://127.0.0.1:{port}")
    assert (kind, "answers without TLS" in text) == (LinkError, True)
    assert [each.getMessage() for each in caplog.records if each.name == "asyncio"] == []


@pytest.mark.parametrize("scheme", ["http", "socks5h", "socks4"])
@pytest.mark.parametrize(
    "sent",
    [
        [],
        [b""],
        [b"HTTP/1.1 2"],
        [b"HTTP/1.1 200 OK\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\n\r\n", b"\xff" * 100],
        [b"HTTP/1.1 200 OK\r\n\r\n" + b"\xff" * 100],
        [b"\x05\x00"],
        [b"\x05\x00", b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"],
        [b"\x00\x5a\x00\x00\x00\x00\x00\x00"],
    ],
    ids=repr,
)
async def test_a_proxy_that_hangs_up_at_any_moment_is_told_and_leaves_no_traceback(
    caplog, scheme, sent
):
    async def talk(reader, writer):
        for each in sent:
            await reader.read(4096)
            writer.write(each)
            await writer.drain()

    async with tcp_server(talk) as port:
        kind, _ = await refusal("wss://1.2.3.4/", proxy=f"{scheme}://127.0.0.1:{port}")
    assert issubclass(kind, LinkError)
    gc.collect()
    assert [each for each in caplog.records if each.levelno >= logging.ERROR] == []


async def test_a_proxy_that_is_down_is_told():
    port = free_port()
    assert await refusal(DIAL.url, proxy=f"http://me:secret@127.0.0.1:{port}") == (
        Unreached,
        f"the proxy 127.0.0.1:{port} refused the connection; nothing listens there",
    )


async def test_the_name_of_the_proxy_is_looked_up_and_a_dead_address_passed_over(
    authority, serving
):
    async with proxied_agent(serving) as (_, port):
        resolver = resolver_of(inet(free_port(), "127.0.0.2"), inet(port))
        proxy = f"http://proxy.test:{port}"
        connecting = dialer(proxy=proxy, ca_file=authority.ca_file, resolver=resolver)
        async with connecting(DIAL) as link:
            assert await heard(link) == ["hello"]


async def test_the_proxy_of_the_environment_is_used(authority, serving, monkeypatch):
    async with proxied_agent(serving) as (proxy, port):
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        async with dialer(ca_file=authority.ca_file)(DIAL) as link:
            assert await heard(link) == ["hello"]
    assert len(proxy.requests) == 1


@pytest.mark.parametrize(
    ("setting", "no_proxy"),
    [("none", ""), ("auto", "agent.test"), ("auto", ".test"), ("auto", "*")],
)
async def test_the_proxy_of_the_environment_is_passed_by(
    authority, serving, monkeypatch, setting, no_proxy
):
    async with (
        proxied_agent(serving) as (proxy, port),
        agent(sending("direct"), ssl=serving) as near,
    ):
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("no_proxy", no_proxy)
        resolver = resolver_of(inet(near))
        connecting = dialer(proxy=setting, ca_file=authority.ca_file, resolver=resolver)
        async with connecting(DIAL) as link:
            assert await heard(link) == ["direct"]
    assert proxy.requests == []


async def test_a_proxy_reached_over_tls_is_checked_by_its_own_name(authority, serving):
    tls = authority.serving("proxy", names="DNS:proxy.test")
    async with agent(sending("hello"), ssl=serving) as port:
        proxy = ConnectProxy(port)
        async with proxy.serving(ssl=tls) as proxy_port, leaving_nothing():
            connecting = dialer(
                proxy=f"https://proxy.test:{proxy_port}",
                ca_file=authority.ca_file,
                resolver=resolver_of(inet(proxy_port)),
            )
            async with connecting(DIAL) as link:
                assert await heard(link) == ["hello"]


@pytest.mark.parametrize(
    "proxy", ["ftp://me:secret@host", "http://me@host", "http://", "http://host:port", "secret"]
)
async def test_an_unusable_proxy_is_told_without_its_password(proxy):
    assert await refusal(DIAL.url, proxy=proxy) == (
        LinkRejected,
        "the configured proxy is not usable; it must look like http://user:password@host:port",
    )


async def test_cancellation_at_every_step_through_a_proxy_leaves_nothing(authority, serving):
    async def whole_life(port):
        connecting = dialer(proxy=f"http://127.0.0.1:{port}", ca_file=authority.ca_file)
        async with connecting(DIAL) as link:
            await heard(link)

    async with proxied_agent(serving) as (_, port):
        step = 1
        async with leaving_nothing():
            while await cancelled_at_step(step, whole_life(port)):
                step += 1
        assert step >= 6
