"""A whole daemon with MCP servers: they come, are called, change and go while somebody talks."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.fakes import RecordingCaptions
from tests.house.repository import ROOT
from tests.whole import until
from tests.wire.afar import kiosk
from tests.wire.mcp_house import JOINS_WITHIN_S, LIAR, REAL, TOKEN, TOOLS, is_alive

pytestmark = pytest.mark.real_time

PLACES = f"environment: {{{{PYTHONPATH: '{ROOT}'}}}}"
HOME = f"  home: {{{{command: {json.dumps(REAL)}, {PLACES}}}}}\n"
GARDEN = f"  garden: {{{{command: {json.dumps(REAL)}, {PLACES}, allow: [add]}}}}\n"
AWAY = """\
  away:
    url: http://127.0.0.1:9/mcp
    headers: {{Authorization: {{prefix: 'Bearer ', file: {secret}}}}}
"""
OF_HOME = {f"home_{name}" for name in TOOLS}


def known_to(session):
    """Return the tools of servers that the agent was told of."""
    names = {tool["name"] for tool in session.config["tools"]}
    assert "get_time" in names
    return {name for name in names if name.startswith(("home_", "garden_"))}


async def answer(it, name, **arguments):
    """Have the agent call a tool; return what it says then."""
    n_said = len(it.captions.final("agent"))
    it.agent.service.sessions[-1].call(name, arguments, "It is {" + name + ".result}.")
    await until(lambda: len(it.captions.final("agent")) > n_said)
    return it.captions.final("agent")[-1]


async def test_servers_come_and_go_in_the_middle_of_a_conversation(tmp_path):
    async with kiosk(tmp_path) as it:
        it.captions = RecordingCaptions()
        it.extras["captions"] = [it.captions]
        async with it.running():
            await it.converse()
            session = it.agent.service.sessions[-1]
            assert known_to(session) == set()
            it.write("mcp:\n", HOME)
            await until(lambda: known_to(session) == OF_HOME, JOINS_WITHIN_S)
            assert await answer(it, "home_add", a=2, b=40) == "It is forty two."
            pid = await answer(it, "home_identity")
            it.write("mcp:\n", HOME, GARDEN, instead={"You are one.": "You are two."})
            await until(lambda: known_to(session) == OF_HOME | {"garden_add"}, JOINS_WITHIN_S)
            assert await answer(it, "home_identity") == pid
            it.write("mcp:\n", GARDEN)
            await until(lambda: known_to(session) == {"garden_add"})
            it.write()
            await until(lambda: known_to(session) == set())
            assert it.agent.service.sessions == [session]
        assert it.agent.service.violations == 0


async def test_a_daemon_with_servers_stops_in_time(tmp_path):
    note = tmp_path / "pids"
    stubborn = f"  home: {{{{command: {json.dumps([sys.executable, str(LIAR), 'stubborn', str(note)])}}}}}\n"
    async with kiosk(tmp_path, "mcp:\n", stubborn) as it:
        async with it.running():
            await until(lambda: "home_good" in it.runtime._components.tools, JOINS_WITHIN_S)
            pids = [int(word) for word in note.read_text().split()]
            began_s = time.monotonic()
        assert time.monotonic() - began_s < 3
        assert not any(is_alive(pid) for pid in pids)


DOOMED = """
import asyncio, sys
from tests.wire.mcp_house import joined, liar

async def main():
    async with joined(liar("stubborn", sys.argv[1])):
        print("here", flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_no_server_outlives_a_daemon_that_is_killed(tmp_path):
    note = tmp_path / "pids"
    daemon = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", DOOMED, str(note)), cwd=ROOT, stdout=subprocess.PIPE
    )
    assert await daemon.stdout.readline() == b"here\n"
    daemon.kill()
    await daemon.communicate()
    pid, child = (int(word) for word in note.read_text().split())
    await until(lambda: not is_alive(pid), within_s=2)
    os.kill(child, signal.SIGKILL)  # what it has started is for systemd to end, or for us here


def voiced(*words):
    return subprocess.run(
        [sys.executable, "-m", "voiced", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "code", "out", "err"),
    [
        (["call", "home_add", '{"a": 2, "b": 40}'], 0, '{"result": 42}\n', ""),
        (
            ["call", "home_lamp", '{"name": "attic"}'],
            1,
            "",
            "voiced: Error executing tool lamp: there is no lamp called attic\n",
        ),
        (
            ["call", "home_ad"],
            1,
            "",
            "voiced: there is no tool with that name; did you mean home_add?\n",
        ),
        (
            ["call", "away_x"],
            1,
            "",
            "mcp.trouble: away at 127.0.0.1:9: 127.0.0.1:9 refused the connection; nothing listens there\n"
            "voiced: away is not reachable right now.\n",
        ),
    ],
)
def test_a_tool_of_a_server_is_called_by_hand(tmp_path, words, code, out, err):
    done = voiced("tools", *words, "--config", settings(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (code, out, err)


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        ("", 0, ""),
        (GARDEN, 0, ""),
        (
            GARDEN.replace("[add]", "[add, water]"),
            1,
            "`allow` names tools that it does not have: water",
        ),
        (AWAY, 1, "nothing listens there"),
    ],
)
def test_the_tools_of_servers_are_listed_by_hand(tmp_path, more, code, said):
    path = settings(tmp_path, more)
    done = voiced("tools", "list", "--config", path, "--within", "60")
    assert done.returncode == code
    assert said in done.stderr
    assert bool(done.stderr) is bool(said)
    lines = [line.split()[:2] for line in done.stdout.splitlines()]
    listed = {name for name, kind in lines if kind == "mcp"}
    assert listed == OF_HOME | ({"garden_add"} if more.startswith("  garden") else set())
    assert ["get_time", "built-in"] in lines
    assert TOKEN not in done.stdout + done.stderr


def settings(folder, more=AWAY):
    secret = folder / "token"
    secret.write_text(TOKEN)
    secret.chmod(0o600)
    path = folder / "voiced.yaml"
    path.write_text(
        f"agent: {{{{url: 'ws://127.0.0.1:9'}}}}\nmcp:\n{HOME}{more}".format(secret=secret)
    )
    return str(path)
