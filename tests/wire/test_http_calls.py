"""The HTTPS calls of a dial plan, against small servers and proxies."""

import asyncio
import subprocess
import sys
import threading

import pytest

from tests.ports import free_port
from tests.wire.connect_proxy import ConnectProxy
from tests.wire.peers import (
    answering,
    inet,
    leaving_nothing,
    resolver_of,
    tcp_server,
)
from voiced.agents.codec import HttpAnswer, HttpCall
from voiced.devices.network.http import AiohttpCaller, AnswerTooLongError
from voiced.devices.network.link import LinkOptions
from voiced.devices.network.resolver import Resolver
from voiced.errors import LinkError, LinkRejected, Unreached

pytestmark = pytest.mark.real_time

TOKEN_ANSWER = b'{"token": "t1"}'
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n" + TOKEN_ANSWER


async def called(url, *, resolver=None, timeout_s=10, **options):
    return await made(HttpCall("GET", url), resolver, timeout_s, **options)


async def made(call, resolver=None, timeout_s=10, **options):
    async with leaving_nothing():
        return await AiohttpCaller(LinkOptions(**options), resolver, timeout_s=timeout_s)(call)


async def refusal(url, **options):
    with pytest.raises(LinkError) as failure:
        await called(url, **options)
    assert failure.value.__suppress_context__ or failure.value.__context__ is None
    return type(failure.value), str(failure.value)


async def test_a_call_carries_method_path_headers_and_body():
    requests = []

    async def talk(reader, writer):
        requests.append(await reader.readuntil(b"\r\n\r\n") + await reader.readexactly(2))
        writer.write(OK)

    async with tcp_server(talk) as port:
        url = f"http://127.0.0.1:{port}/v1/token?expires_in_seconds=60"
        headers = {"Authorization": "Bearer k1", "Content-Type": "application/json"}
        answer = await made(HttpCall("POST", url, headers, b"{}"))
    length = {"content-length": str(len(TOKEN_ANSWER))}
    assert answer == HttpAnswer(200, TOKEN_ANSWER, length)
    lines = requests[0].split(b"\r\n")
    assert lines[0] == b"POST /v1/token?expires_in_seconds=60 HTTP/1.1"
    assert b"Authorization: Bearer k1" in lines
    assert b"Content-Type: application/json" in lines
    assert lines[-1] == b"{}"


@pytest.mark.parametrize("status", [302, 401, 404, 422, 429, 500, 503])
async def test_every_status_is_an_answer_and_no_redirect_is_followed(status):
    head = f"HTTP/1.1 {status} X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 2\r\n\r\n{{}}"
    async with answering(head.encode()) as port:
        answer = await called(f"http://127.0.0.1:{port}/")
        assert (answer.status, answer.body) == (status, b"{}")


async def test_the_same_authorities_and_names_count_as_for_the_link(authority, serving):
    async def talk(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)

    async with tcp_server(talk, ssl=serving) as port:
        url = f"https://agent.test:{port}/v1/token"
        resolver = resolver_of(inet(port))
        answer = await called(url, resolver=resolver, ca_file=authority.ca_file)
        assert answer.status == 200
        assert await refusal(url, resolver=resolver) == (
            LinkError,
            f"the certificate of agent.test:{port} is not signed by a known authority; "
            "if a proxy inspects TLS, configure its CA file",
        )


async def test_a_proxy_is_used_by_the_same_rule(authority, serving):
    async def talk(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)

    async with tcp_server(talk, ssl=serving) as port:
        proxy = ConnectProxy(port, credentials="me:secret")
        async with proxy.serving() as proxy_port:
            url = "https://agent.test/v1/token"
            proxy_url = f"http://me:secret@127.0.0.1:{proxy_port}"
            answer = await called(url, proxy=proxy_url, ca_file=authority.ca_file)
            assert answer.body == TOKEN_ANSWER
            assert await refusal(url, proxy=f"http://127.0.0.1:{proxy_port}") == (
                LinkRejected,
                "the proxy wants a user name and password (HTTP 407); "
                "put them into the proxy's URL",
            )


async def test_a_proxy_that_is_down_is_told():
    assert await refusal("https://agent.test/", proxy=f"http://127.0.0.1:{free_port()}") == (
        Unreached,
        "the proxy refused the connection; nothing listens there",
    )


async def test_a_socks_proxy_is_refused():
    assert await refusal("https://agent.test/", proxy="socks5h://127.0.0.1:1") == (
        LinkRejected,
        "HTTPS calls cannot use a SOCKS proxy; name an http:// proxy in HTTPS_PROXY, or use "
        "auth: bearer if it is for tokens",
    )


async def test_a_closed_port_is_told():
    port = free_port()
    assert await refusal(f"http://127.0.0.1:{port}/") == (
        Unreached,
        f"127.0.0.1:{port} refused the connection; nothing listens there",
    )


async def test_clear_text_to_another_machine_is_refused():
    assert await refusal("http://agent.test/v1/token") == (
        LinkRejected,
        "http://agent.test would send the key and your voice in clear; use https://",
    )


async def test_a_server_that_hangs_up_is_told():
    async with answering(b"") as port:
        assert await refusal(f"http://127.0.0.1:{port}/") == (
            LinkError,
            f"127.0.0.1:{port} cut the connection before it was set up",
        )


async def test_a_server_that_speaks_no_http_is_told():
    async with answering(b"220 mail.test ESMTP\r\n\r\n") as port:
        assert await refusal(f"http://127.0.0.1:{port}/?token=t1") == (
            LinkError,
            f"127.0.0.1:{port} does not speak proper HTTP",
        )


async def test_a_server_that_says_nothing_is_given_up():
    async def silent(reader, writer):
        await reader.read(-1)

    async with tcp_server(silent) as port:
        assert await refusal(f"http://127.0.0.1:{port}/", timeout_s=0.2) == (
            LinkError,
            f"127.0.0.1:{port} did not answer within 0.2 s; does a firewall block this port?",
        )


async def test_dead_name_servers_are_told():
    over = threading.Event()
    resolver = Resolver(lambda *_args, **_kwargs: over.wait(5) or [])
    found = await refusal("https://agent.test/", resolver=resolver, timeout_s=0.2)
    over.set()
    assert found == (LinkError, "no name server answered for agent.test; is the network up?")


async def test_an_endless_answer_is_cut_off():
    async def talk(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 10_000)
            await writer.drain()

    async with tcp_server(talk) as port:
        assert await refusal(f"http://127.0.0.1:{port}/") == (
            AnswerTooLongError,
            "the answer is longer than 65536 bytes",
        )


async def test_a_cancelled_call_leaves_nothing():
    async def silent(reader, writer):
        await reader.read(-1)

    async with tcp_server(silent) as port:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await called(f"http://127.0.0.1:{port}/")


def test_the_library_is_not_imported_before_the_first_call():
    program = "import sys, voiced.devices.network.http; sys.exit('aiohttp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
