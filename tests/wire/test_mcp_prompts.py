"""What a server wants the agent to know, and what is sent along to it (tools/mcp/prompts.py)."""

import asyncio
import json
import logging
import re
from types import SimpleNamespace

import pytest

from tests.house.repository import ROOT
from tests.whole import until
from tests.wire.afar import kiosk
from tests.wire.mcp_house import JOINS_WITHIN_S, REAL, joined, liar, program
from tests.wire.peers import tcp_server
from voiced.assembly.tools import prompts
from voiced.tools.mcp import client
from voiced.tools.mcp.prompts import EMPTY, LATE
from voiced.tools.mcp.spec import Server

pytestmark = [pytest.mark.real_time, pytest.mark.usefixtures("told")]

META = {"io.home-assistant/device_id": "kitchen", "n": 7}


@pytest.mark.parametrize("how", ["Home", True])
async def test_the_prompt_of_a_server_is_known_and_changes_with_it(how):
    async with joined(program(prompt=how)) as it:
        assert it.side.prompt.startswith("The lamp hangs in the kitchen.")
        n_changes = it.changes
        await it.call("move")
        await until(lambda: it.side.prompt.startswith("The lamp hangs in the hall."))
        assert it.changes == n_changes + 1


async def test_what_the_settings_want_sent_along_goes_with_every_request():
    async with joined(program(prompt="Home", meta=META)) as it:
        assert it.side.prompt.endswith(f"Sent along: {sorted(META)}")
        along = await it.call("along")
        assert {key: along[key] for key in META} == META


async def test_without_a_prompt_in_the_settings_none_is_asked_for():
    async with joined(program()) as it:
        assert it.side.prompt == ""


@pytest.mark.parametrize("server", [program, liar])
async def test_a_prompt_that_a_server_does_not_have_is_told_and_its_tools_are_there(server, told):
    words = ("good",) if server is liar else ()
    async with joined(server(*words, prompt="Assist")) as it:
        assert it.side.tools
        assert it.side.prompt == ""
        await until(
            lambda: it.side.missing == ["Assist"]
        )  # a slow program is asked after its tools are there
    absent = "`prompt` names one that it does not have: Assist; it has Home"
    complaint = absent if server is program else EMPTY  # the other answers with what is no prompt
    assert sum(complaint in line for line in told(logging.WARNING)) == 1


async def test_a_prompt_that_never_comes_takes_no_tool_away(monkeypatch, told):
    monkeypatch.setattr(client, "ANSWER_WITHIN_S", 0.5)
    async with joined(liar("no-prompt", prompt="Home")) as it:
        for _ in range(3):
            assert await it.call("good") == {"text": "fine"}
            await asyncio.sleep(1)
        assert it.side.prompt == ""
        assert it.side.missing == ["Home"]
    assert [line.endswith(LATE) for line in told(logging.WARNING)] == [True]


async def test_a_server_that_thinks_about_its_prompt_has_its_tools_at_once(monkeypatch):
    monkeypatch.setattr(client, "PROMPT_FIRST_S", 0.2)
    async with joined(liar("no-prompt", prompt="Home"), within_s=3) as it:
        assert await it.call("good") == {"text": "fine"}


async def test_what_is_known_stays_while_the_prompt_is_refused_or_late(monkeypatch, told):
    monkeypatch.setattr(client, "ANSWER_WITHIN_S", 0.5)
    monkeypatch.setattr(client, "PROMPT_EVERY_S", 0.5)
    monkeypatch.setattr(client, "LOOK_AGAIN_S", 0.5)
    async with joined(liar("fickle", prompt="Home")) as it:
        await until(lambda: len(told(logging.WARNING)) == 2)
        assert it.side.prompt == "There is a lamp."
        assert it.changes == 1
    whys = ("it lists the prompt Home but does not return it: does it need arguments?", LATE)
    assert [line.endswith(why) for line, why in zip(told(logging.WARNING), whys, strict=True)] == [
        True,
        True,
    ]


@pytest.mark.parametrize("status", [400, 404, 405, 500])
@pytest.mark.parametrize("method", ["prompts/get", "prompts/list"])
async def test_a_prompt_that_a_web_server_refuses_costs_no_tool(told, method, status):
    async def answer(reader, writer):
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = re.search(rb"(?i)content-length: *(\d+)", head)
            body = json.loads(await reader.readexactly(int(length[1]))) if length else {}
            writer.write(_answered(body, {method: status}))

    async with tcp_server(answer) as port:
        server = Server("home", url=f"http://127.0.0.1:{port}/mcp", prompt="Home")
        async with joined(server) as it:
            assert await it.call("good") == {"text": "fine"}
            await asyncio.sleep(1)
            assert await it.call("good") == {"text": "fine"}
            assert it.side.prompt == ""
    assert len(told(logging.WARNING)) == 1


def _answered(request, refusals):
    """Return how a server at an address answers a request of MCP."""
    method, status = request.get("method", "GET"), 200
    listed = {"name": "good", "description": "d", "inputSchema": {"type": "object"}}
    results = {
        "tools/list": {"tools": [listed]},
        "tools/call": {"content": [{"type": "text", "text": "fine"}]},
        "prompts/list": {"prompts": [{"name": "Home"}]},
    }
    if method == "initialize":
        version = request["params"]["protocolVersion"]
        about = {"serverInfo": {"name": "x", "version": "1"}, "capabilities": {"tools": {}}}
        results[method] = {"protocolVersion": version, **about}
    text = b""
    if method in refusals:
        status = refusals[method]
    elif method in results:
        told = {"jsonrpc": "2.0", "id": request["id"], "result": results[method]}
        text = json.dumps(told).encode()
    else:
        status = 405 if method == "GET" else 202
    head = (
        f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n"
    )
    return head.encode() + b"\r\n" + text


async def test_a_prompt_that_always_changes_is_told_now_and_then(monkeypatch):
    monkeypatch.setattr(client, "PROMPT_EVERY_S", 2.0)
    async with joined(liar("restless", prompt="Home")) as it:
        await asyncio.sleep(5)
        assert 2 <= it.changes <= 4
        assert it.side.prompt.startswith("It is ")


def test_the_prompts_of_all_servers_together_are_bounded():
    complaints = []

    def server(n_chars):
        return SimpleNamespace(prompt="x" * n_chars, complain=complaints.append)

    fitting = [server(16_000), server(0), server(16_000), server(15_999)]
    found = prompts([*fitting, server(2), server(1)])
    assert [len(each) for each in found] == [16_000, 16_000, 15_999, 1]
    assert complaints == ["its prompt is left out: the prompts of other servers fill the limit"]


async def test_an_agent_knows_what_a_server_wants_it_to_know(tmp_path):
    places = f"environment: {{{{PYTHONPATH: '{ROOT}'}}}}"
    home = f"  home: {{{{command: {json.dumps(REAL)}, {places}, prompt: Home}}}}\n"
    async with kiosk(tmp_path) as it, it.running():
        await it.converse()
        session = it.agent.service.sessions[-1]
        own = session.config["system_prompt"]
        it.write("mcp:\n", home)
        await until(lambda: session.config["system_prompt"] != own, JOINS_WITHIN_S)
        assert session.config["system_prompt"].startswith(
            f"{own}\n\nThe lamp hangs in the kitchen."
        )
        it.write()
        await until(lambda: session.config["system_prompt"] == own)
        assert it.agent.service.sessions == [session]
    assert it.agent.service.violations == 0
