"""What a server wants the agent to know, and what is sent along to it (tools/mcp/prompts.py)."""

import asyncio
import json
import logging
from types import SimpleNamespace

import pytest

from tests.house.repository import ROOT
from tests.whole import until
from tests.wire.afar import kiosk
from tests.wire.mcp_house import REAL, joined, liar, program
from voiced.toolbox import prompts
from voiced.tools.mcp import client

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
        expected = (
            [] if server is liar else ["Assist"]
        )  # it answers everything with what is no prompt
        assert it.side.missing == expected
    has_said = any(
        "`prompt` names what it does not have: Assist; it has Home" in line
        for line in told(logging.WARNING)
    )
    assert has_said is bool(expected)


async def test_a_prompt_that_never_comes_takes_no_tool_away(monkeypatch, told):
    monkeypatch.setattr(client, "ANSWER_WITHIN_S", 0.5)
    async with joined(liar("no-prompt", prompt="Home")) as it:
        for _ in range(3):
            assert await it.call("good") == {"text": "fine"}
            await asyncio.sleep(1)
        assert it.side.prompt == ""
        assert it.side.missing == ["prompt"]
    assert sum("the prompt does not come in time" in line for line in told(logging.WARNING)) == 1
    assert not any("mcp.trouble: home at python: it " in line for line in told())


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
    assert complaints == ["its prompt is left out: those of other servers are long enough"]


async def test_an_agent_knows_what_a_server_wants_it_to_know(tmp_path):
    places = f"environment: {{{{PYTHONPATH: '{ROOT}'}}}}"
    home = f"  home: {{{{command: {json.dumps(REAL)}, {places}, prompt: Home}}}}\n"
    async with kiosk(tmp_path) as it, it.running():
        await it.converse()
        session = it.agent.service.sessions[-1]
        own = session.config["system_prompt"]
        it.write("mcp:\n", home)
        await until(lambda: session.config["system_prompt"] != own)
        assert session.config["system_prompt"].startswith(
            f"{own}\n\nThe lamp hangs in the kitchen."
        )
        it.write()
        await until(lambda: session.config["system_prompt"] == own)
        assert it.agent.service.sessions == [session]
    assert it.agent.service.violations == 0
