"""What a broken or hostile MCP server repeats without end: pages, complaints, names."""

import asyncio
import logging
import time
from types import SimpleNamespace

import pytest

from voiced.tools.mcp.client import Client
from voiced.tools.mcp.sanitize import MANY_TOOLS, MOST_COMPLAINTS, ForeignTool, offers
from voiced.tools.mcp.server import MOST_TOLD, TELL_EVERY_S, McpServer
from voiced.tools.mcp.spec import Server

SERVER = Server("shop", url="https://x.test/mcp")

CURSORS = {
    "none": ([], 1),
    "null": ([None], 1),
    "empty": ([""], 1),
    "a number": ([8], 1),
    "two pages": (["a"], 2),
    "two pages, then an empty one": (["a", ""], 2),
    "the same again": (["8", "8"], 2),
    "in a circle": (["a", "b", "c", "a"], 4),
    "without end": ([str(n) for n in range(100)], 20),
}
"""By the cursors of its pages: how many are asked for."""


async def nowhere(*_):
    raise AssertionError("nothing here connects")


class Pages:
    def __init__(self, cursors):
        self.cursors = cursors
        self.asked = []

    async def send_raw_request(self, method, params):
        page = len(self.asked)
        self.asked.append((params or {}).get("cursor"))
        tools = [{"name": f"t{page}", "inputSchema": {"type": "object"}}]
        if page < len(self.cursors):
            return {"tools": tools, "nextCursor": self.cursors[page]}
        return {"tools": tools}


@pytest.mark.parametrize("name", CURSORS)
async def test_a_list_ends_where_its_cursor_leads_nowhere_or_back(name):
    cursors, n_pages = CURSORS[name]
    client, pages = Client(SERVER, lambda *_: None, nowhere), Pages(cursors)
    client._requests = pages
    tools = await client._tools()
    assert len(pages.asked) == n_pages
    assert [tool.name for tool in tools] == [f"t{n}" for n in range(n_pages)]


class Repeating:
    """Lists the same page under every cursor."""

    def __init__(self, tools):
        self.tools = tools
        self.n_asked = 0

    async def send_raw_request(self, method, params):
        self.n_asked += 1
        return {"tools": self.tools, "nextCursor": str(self.n_asked % 3)}


async def listed(tools):
    client = Client(SERVER, lambda *_: None, nowhere)
    client._requests = Repeating(tools)
    return await client._tools()


async def test_a_page_that_comes_again_is_not_complained_of():
    tools = await listed([{"name": f"t{n}", "inputSchema": {"type": "object"}} for n in range(3)])
    assert [tool.name for tool in tools] == ["t0", "t1", "t2"]
    assert offers("shop", tools, None, 25).complaints == []


@pytest.mark.parametrize("fits", [True, False])
async def test_a_list_is_read_no_further_than_it_may_be_long(fits):
    schema = {"type": "object", "title": "x" * (16_000 if fits else 17_000)}
    tools = await listed([{"name": f"t{n}", "inputSchema": schema} for n in range(100)])
    assert 50 < len(tools) < 70
    assert all((tool.schema is not None) is fits for tool in tools)


MIXED = [each for n in range(1000) for each in (n, [n])]


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": {"type": MIXED}}},
        {"properties": {"a": {"type": [{}] * 4000}}},
        {"properties": {"a": {"type": [*range(2000), "x"]}}},
        {"dependentRequired": {"enum": MIXED}},
        {"properties": {"a": {"type": [{"a": [*[1] * 10, n]} for n in range(300)]}}},
    ],
)
async def test_no_schema_takes_long_to_check(schema):
    began_s = time.thread_time()
    tool, *_ = await listed([{"name": "t", "inputSchema": schema}])
    assert tool.schema is None
    assert time.thread_time() - began_s < 0.25


@pytest.mark.parametrize(
    "choice",
    [
        {"enum": [f"light.{n}" for n in range(1000)]},
        {"enum": [*range(2000)]},
        {"enum": [*(f"light.{n}" for n in range(250)), None]},
        {"anyOf": [{"const": n} for n in range(250)]},
    ],
)
async def test_a_schema_may_have_long_lists_to_choose_from(choice):
    schema = {"type": "object", "properties": {"a": choice}}
    tool, *_ = await listed([{"name": "t", "inputSchema": schema}])
    assert tool.schema is not None


def foreign(names):
    return [ForeignTool(name, "d", '{"type":"object"}') for name in names]


@pytest.mark.parametrize("n_tools", [0, 64, 65, 64 + MOST_COMPLAINTS, 1000])
def test_a_list_is_complained_of_in_a_bounded_number_of_lines(n_tools):
    complaints = offers("shop", foreign(f"t{n}" for n in range(n_tools)), None, 25).complaints
    n_said = max(0, n_tools - 64) + (n_tools > MANY_TOOLS)
    assert len(complaints) == min(n_said, MOST_COMPLAINTS + 1)
    assert ("more of its tools" in "".join(complaints)) is (n_said > MOST_COMPLAINTS)


async def test_a_server_that_renames_its_tools_for_ever_fills_neither_memory_nor_log(caplog):
    caplog.set_level(logging.INFO)
    changes = []
    server = McpServer(SERVER, None, lambda: changes.append(1))
    for change in range(300):
        names = [f"t{change}_{n}" + "x" * 150 for n in range(100)]
        server._take_offer(object(), offers("shop", foreign(names), None, 25))
        server.hide([f"shop_t{change}"])
        await asyncio.sleep(0)
    assert len(changes) == 300
    assert len(server._complaints) == MOST_TOLD
    warnings = [each for each in caplog.records if each.levelname == "WARNING"]
    assert len(warnings) == MOST_TOLD
    assert "further problems are not logged" in warnings[-1].message
    assert len([each for each in caplog.records if "offers" in each.message]) == 1
    assert len(caplog.text) < 60_000


async def test_how_many_tools_there_are_is_told_again_after_a_while(caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    now = [0.0]
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: SimpleNamespace(time=lambda: now[0]))
    server = McpServer(SERVER, None, lambda: None)
    for at_s in (0.0, TELL_EVERY_S - 1, TELL_EVERY_S, TELL_EVERY_S + 1):
        now[0] = at_s
        server._take_offer(object(), offers("shop", foreign([f"t{at_s}"]), None, 25))
    assert caplog.text.count("shop offers 1") == 2


async def test_the_same_complaint_is_told_once_whatever_comes_between(caplog):
    server = McpServer(SERVER, None, lambda: None)
    for _ in range(3):
        server.hide(["shop_a"])
        server.hide([])
    assert caplog.text.count("left out") == 1
