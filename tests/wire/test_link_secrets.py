"""Neither keys nor tokens nor messages reach a log or an exception's text."""

import asyncio
import logging
import traceback

import pytest

from tests.ports import free_port
from tests.wire.connect_proxy import ConnectProxy
from tests.wire.peers import agent, answering, dialer, echo, heard, tcp_server
from voiced.agents.codec import Dial, HttpCall
from voiced.devices.network.http import AiohttpCaller
from voiced.devices.network.link import LinkOptions
from voiced.devices.network.websocket import WebSocketDialer
from voiced.errors import LinkError

pytestmark = pytest.mark.real_time

SECRETS = ["key-5ecret", "token-5ecret", "proxy-5ecret", "spoken-5ecret"]
HEADERS = {"Authorization": "Bearer key-5ecret"}
PATH = "/v1/ws?token=token-5ecret"


@pytest.fixture
def everything_logged(caplog):
    """Log all that any library logs, asyncio in debug mode too; not the servers of this test."""
    caplog.set_level(logging.DEBUG)
    for name in ("websockets", "websockets.client", "asyncio", "aiohttp"):
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog


def assert_silent(caplog, error=None):
    text = caplog.text + "".join(str(record.__dict__) for record in caplog.records)
    if error is not None:
        text += str(error) + repr(error) + "".join(traceback.format_exception(error))
    assert [secret for secret in SECRETS if secret in text] == []


async def test_an_open_link_logs_no_secret(everything_logged):
    asyncio.get_running_loop().set_debug(True)
    logging.getLogger("websockets.client").debug("this test sees what is logged")
    async with (
        agent(echo) as port,
        dialer()(Dial(f"ws://127.0.0.1:{port}{PATH}", HEADERS)) as link,
    ):
        await link.send("spoken-5ecret")
        assert await anext(link) == "spoken-5ecret"
        await asyncio.sleep(0.05)
        await link.close()
        await heard(link)
    assert "this test sees what is logged" in everything_logged.text
    assert_silent(everything_logged)


ANSWERS = [
    b"HTTP/1.1 401 No\r\nContent-Length: 12\r\n\r\ntoken-5ecret",
    b"HTTP/1.1 302 Found\r\nLocation: /?token=token-5ecret\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 101 Ok\r\nUpgrade: token-5ecret\r\nConnection: token-5ecret\r\n\r\n",
    b"token-5ecret\r\n\r\n",
    b"",
]


@pytest.mark.parametrize("answer", ANSWERS)
async def test_a_refused_link_tells_no_secret(everything_logged, answer):
    async with answering(answer) as port:
        with pytest.raises(LinkError) as failure:
            async with dialer()(Dial(f"ws://127.0.0.1:{port}{PATH}", HEADERS)):
                raise AssertionError
    assert_silent(everything_logged, failure.value)


@pytest.mark.parametrize("answer", ANSWERS)
async def test_a_refused_call_tells_no_secret(everything_logged, answer):
    async with answering(answer) as port:
        call = HttpCall("GET", f"http://127.0.0.1:{port}{PATH}", HEADERS)
        try:
            await AiohttpCaller(LinkOptions())(call)
        except LinkError as error:
            assert_silent(everything_logged, error)
    assert_silent(everything_logged)


@pytest.mark.parametrize(
    "url",
    [
        f"ws://127.0.0.1:CLOSED{PATH}",
        f"ws://agent.test{PATH}",
        f"wss://{PATH}",
        f"wss://agent.test:port{PATH}",
        f"wss://agent.test/#{PATH}",
    ],
)
async def test_a_link_that_cannot_be_dialled_tells_no_secret(everything_logged, url):
    url = url.replace("CLOSED", str(free_port()))
    with pytest.raises(LinkError) as failure:
        async with dialer()(Dial(url, HEADERS)):
            raise AssertionError
    assert_silent(everything_logged, failure.value)


async def linked(options):
    async with WebSocketDialer(options)(Dial(f"wss://agent.test{PATH}", HEADERS)):
        raise AssertionError


async def called(options):
    await AiohttpCaller(options)(HttpCall("GET", f"https://agent.test{PATH}", HEADERS))


@pytest.mark.parametrize("call", [linked, called])
async def test_a_refusing_proxy_tells_no_secret(everything_logged, call):
    proxy = ConnectProxy(1, credentials="other:password")
    async with proxy.serving() as port:
        options = LinkOptions(proxy=f"http://me:proxy-5ecret@127.0.0.1:{port}")
        with pytest.raises(LinkError) as failure:
            await call(options)
    assert_silent(everything_logged, failure.value)


async def test_a_peer_that_breaks_the_protocol_logs_no_message(everything_logged):
    async def talk(reader, writer):
        await reader.read(10)
        writer.write(b"\xff" * 100)

    async with tcp_server(talk) as port:
        with pytest.raises(LinkError) as failure:
            async with dialer()(Dial(f"ws://127.0.0.1:{port}{PATH}", HEADERS)):
                raise AssertionError
    assert_silent(everything_logged, failure.value)
