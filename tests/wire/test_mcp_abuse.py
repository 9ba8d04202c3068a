"""MCP servers at an address that answer without end, packed, or again and again (tools/mcp/http.py)."""

import asyncio
import gzip
import json
import logging
from contextlib import asynccontextmanager, suppress

import pytest
from aiohttp import web

from tests.whole import until
from tests.wire.mcp_house import joined
from voiced.tools.mcp.spec import Server

pytestmark = [pytest.mark.real_time, pytest.mark.usefixtures("told")]

TOOL = {"name": "good", "inputSchema": {"type": "object"}}
SESSION = {"mcp-session-id": "s"}
EVENTS = "text/event-stream"
PIECE = b"a" * 65536


def message(number, **result):
    return json.dumps({"jsonrpc": "2.0", "id": number, "result": result}).encode()


class Abuser:
    """Answers properly, but for what a test has it do otherwise.

    Attributes:
        asked: The requests there were: HTTP methods, and methods of MCP.
        headers: Of the last one.
        ended: How many answers without end were broken off.
        tools: What it lists.
        special: What answers instead, by the method.
    """

    def __init__(self):
        self.asked, self.headers, self.ended = [], {}, 0
        self.tools = [TOOL]
        self.special = {"GET": self.nothing}

    async def answer(self, request):
        asked = await request.json() if request.method == "POST" else {}
        method = asked.get("method", request.method)  # an answer of ours has none of its own
        self.asked.append(method)
        self.headers = request.headers
        if method in self.special:
            return await self.special[method](request, asked)
        if "id" not in asked or "method" not in asked:
            return web.Response(status=202)
        return web.Response(
            body=message(asked["id"], **self.result(asked)),
            content_type="application/json",
            headers=SESSION,
        )

    def result(self, asked):
        if asked["method"] != "initialize":
            return {"tools": self.tools}
        version = asked["params"]["protocolVersion"]
        about = {"name": "abuser", "version": "1"}
        return {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": about}

    async def nothing(self, request, asked):
        return web.Response(status=405)

    def endless(self, content_type, piece, pause_s=0.0, status=200, **headers):
        async def answer(request, asked):
            stream = web.StreamResponse(
                status=status, headers={"Content-Type": content_type, **headers}
            )
            await stream.prepare(request)
            with suppress(ConnectionError):
                while True:
                    await stream.write(piece)
                    await asyncio.sleep(pause_s)
            self.ended += 1
            return stream

        return answer

    def n_asked(self, method):
        return self.asked.count(method)


@asynccontextmanager
async def abuser(port, **special):
    it = Abuser()
    it.special |= special
    app = web.Application()
    app.router.add_route("*", "/mcp", it.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    it.server = Server("home", url=f"http://127.0.0.1:{port}/mcp")
    try:
        yield it
    finally:
        await runner.cleanup()


async def given_up(call):
    """Begin a call and give it up after a while."""
    calling = asyncio.ensure_future(call)
    await asyncio.sleep(0.3)
    calling.cancel()
    await asyncio.wait([calling])


async def test_packed_answers_are_refused(unused_port, told):
    async def packed(request, asked):
        body = gzip.compress(message(asked["id"], tools=[TOOL]))
        kind = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        return web.Response(body=body, headers=kind)

    async with abuser(unused_port) as it:
        it.special["tools/list"] = packed
        async with joined(it.server, wait=False) as house:
            await until(house.side.tried.is_set)
            assert not house.side.reached.is_set()
        assert it.headers.getall("Accept-Encoding") == ["identity"]
    (warning,) = told(logging.WARNING)
    assert warning.endswith("it compresses its answers although asked not to (Content-Encoding)")


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200),
        ("Application/JSON", 200),
        ("application/json-lines", 200),
        ("APPLICATION/JSON", 400),
        (EVENTS, 307),
    ],
)
async def test_a_body_that_is_no_stream_of_events_is_not_read_for_ever(
    unused_port, content_type, status
):
    async with abuser(unused_port) as it:
        it.special["tools/call"] = it.endless(content_type, PIECE, status=status, Location="/mcp")
        async with joined(it.server) as house:
            calling = asyncio.ensure_future(house.call("good"))
            await until(lambda: it.ended, within_s=5)
            calling.cancel()
            await asyncio.wait([calling])


@pytest.mark.parametrize("piece", [b": nothing\n\n", b"data: ", b"id: 1\ndata:\n\n"])
async def test_a_stream_of_events_nobody_waits_for_is_closed(unused_port, piece):
    async with abuser(unused_port) as it:
        it.special["tools/call"] = it.endless(EVENTS, piece, 0.02)
        async with joined(it.server) as house:
            for _ in range(3):
                await given_up(house.call("good"))
            await until(lambda: it.ended == 3, within_s=3)
            await until(
                lambda: it.n_asked("notifications/cancelled") == 3
            )  # each in a request of its own
            assert it.n_asked("initialize") == 1


async def test_a_stream_that_ends_at_once_is_asked_for_again_after_a_while(unused_port):
    async def short(request, asked):
        return web.Response(body=b"retry: 0\nid: 1\ndata:\n\n", content_type=EVENTS)

    async with abuser(unused_port, GET=short) as it, joined(it.server):
        await asyncio.sleep(2.5)
        assert 2 <= it.n_asked("GET") <= 4


async def test_nothing_that_follows_a_connection_holds_up_the_next(unused_port):
    async with abuser(unused_port) as it:
        it.special["DELETE"] = it.endless("text/plain", PIECE, 0.02)
        it.tools = 7
        async with joined(it.server, wait=False):
            await until(lambda: min(map(it.n_asked, ("tools/list", "GET"))) > 1, within_s=5)


@pytest.mark.parametrize("method", ["ping", "sampling/createMessage", "roots/list"])
async def test_a_server_that_asks_more_than_it_lets_us_answer_is_dropped(unused_port, told, method):
    async def wait(request, asked):
        await asyncio.sleep(60)

    asking = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": {}})
    async with abuser(unused_port, POST=wait) as it:
        it.special["GET"] = it.endless(EVENTS, f"data: {asking}\n\n".encode(), 0.001)
        async with joined(it.server, wait=False):
            await until(lambda: told(logging.WARNING), within_s=5)
    assert told(logging.WARNING)[0].endswith("it asks more than it lets us answer")


@pytest.mark.parametrize("method", ["ping", "sampling/createMessage"])
async def test_whatever_a_server_asks_is_answered_if_it_takes_that(unused_port, told, method):
    async def ask(request, asked):
        it.special["GET"] = it.nothing
        body = [
            f"data: {json.dumps({'jsonrpc': '2.0', 'id': n, 'method': method, 'params': {}})}\n\n"
            for n in range(8)
        ]
        return web.Response(body="".join(body).encode(), content_type=EVENTS)

    async with abuser(unused_port, GET=ask) as it, joined(it.server):
        await until(lambda: it.n_asked("GET") > 1, within_s=5)
        await asyncio.sleep(0.2)
        assert it.n_asked("POST") == 8
        assert not told(logging.WARNING)
