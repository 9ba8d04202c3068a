"""MCP servers that are programs: how they are started, where they stand, and what is left of them."""

import asyncio
import logging
import os
import random
import time
from contextlib import AsyncExitStack

import pytest

from tests.whole import until
from tests.wire.mcp_house import QUICK, REAL, TOKEN, is_alive, joined, liar, program
from tests.wire.mcp_liar import PARENTS
from voiced.tools.declared.process_group import MARK, NICENESS
from voiced.tools.mcp.server import McpServer
from voiced.tools.mcp.stdio import process
from voiced.tools.mcp.worker_thread import WorkerThread

pytestmark = [pytest.mark.real_time, pytest.mark.usefixtures("told")]


async def test_the_environment_of_a_program_is_clean(monkeypatch):
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials/voiced")
    monkeypatch.setenv("SOME_KEY", TOKEN)
    async with joined(program(environment={"MINE": "1"})) as it:
        found = await it.call("surroundings")
    assert set(found) <= {"PATH", "LANG", "HOME", "TZ", "PYTHONPATH", "MINE", "LC_CTYPE", MARK}
    assert found["MINE"] == "1"


def stand_for_setpriv(monkeypatch, folder, script):
    """Put a program in the place of what binds a server to us."""
    setpriv = folder / "setpriv"
    setpriv.write_text(f"#!/bin/sh\n{script}\n")
    setpriv.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


async def test_a_program_is_run_even_if_it_may_not_be_bound_to_us(tmp_path, monkeypatch):
    stand_for_setpriv(monkeypatch, tmp_path, "exit 127")
    async with joined(program()) as it:
        assert await it.call("add", a=1, b=2) == {"result": 3}


async def test_nothing_is_left_of_a_program_given_up_before_it_began(tmp_path, monkeypatch):
    note = tmp_path / "pid"
    hang = f"echo $$ >{note}.new; mv {note}.new {note}; exec sleep 60"
    stand_for_setpriv(monkeypatch, tmp_path, hang)
    async with AsyncExitStack() as stack:
        starting = asyncio.create_task(stack.enter_async_context(process(REAL, {}, lambda: None)))
        await until(note.exists)
        starting.cancel()
        await asyncio.wait([starting])
    await until(lambda: not is_alive(int(note.read_text())), within_s=2)


async def test_a_program_can_be_given_up_at_any_moment_of_its_start():
    chance = random.Random(3)
    for _ in range(300):
        side = McpServer(program("/bin/true"), WorkerThread(), lambda: None, QUICK)
        running = asyncio.create_task(side.run())
        await asyncio.sleep(chance.uniform(0.0, 0.03))
        running.cancel()
        await asyncio.wait([running])
    # What was left open or running fails this test when it is collected.


async def test_a_program_gives_way_to_the_sound(tmp_path):
    note = tmp_path / "pids"
    async with joined(liar("stubborn", str(note))):
        for pid in [int(word) for word in note.read_text().split()]:
            assert os.getpriority(os.PRIO_PROCESS, pid) == NICENESS


@pytest.mark.parametrize("lie", PARENTS)
async def test_a_program_and_its_children_end_with_us(tmp_path, lie):
    note = tmp_path / "pids"
    async with joined(liar(lie, str(note))) as it:
        pids = [int(word) for word in note.read_text().split()]
        assert all(is_alive(pid) for pid in pids)
        began_s = time.monotonic()
        it.running.cancel()
        await asyncio.wait([it.running])
        assert time.monotonic() - began_s < 2.5
    assert not any(is_alive(pid) for pid in pids)


async def test_a_program_that_asks_more_than_it_lets_us_answer_is_dropped(told):
    async with joined(liar("asking"), wait=False):
        await until(lambda: told(logging.WARNING), within_s=5)
    (warning,) = told(logging.WARNING)[:1]
    assert warning.endswith("it asks more than it lets us answer")


async def test_a_program_that_is_missing_is_told_of_once(told):
    async with joined(program("/nonexistent/server"), wait=False):
        await asyncio.sleep(1.5)
    (warning,) = told(logging.WARNING)
    assert warning == (
        "mcp.trouble: home at server: it cannot be started: No such file or directory"
    )
