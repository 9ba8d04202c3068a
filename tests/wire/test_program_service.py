"""The service that runs programs: what the device's own files declare, whatever the daemon asks, and nothing else."""

import asyncio
import json
import os
import random
import sys
import time
from contextlib import closing, suppress
from itertools import product

import pytest

from tests.whole import until
from tests.wire.mcp_house import LIAR, PATHS, REAL, TOKEN, is_alive, joined, program
from tests.wire.mcp_liar import PARENTS
from tests.wire.programs import program_service, raw
from voiced.config.schema_tools import CommandToolSection
from voiced.errors import LinkError, ToolError
from voiced.tools.declared.program_client import VARIABLE, ServedCommandTool, served_program
from voiced.tools.program_service import MOST_AT_ONCE, MOST_OPEN

pytestmark = pytest.mark.real_time

WORD = {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]}


def declared(argv, **more):
    return {"description": "d", "argv": [str(word) for word in argv], "timeout_s": 20, **more}


def section(argv):
    return CommandToolSection(**declared(argv))


def settings(servers=None, **tools):
    return json.dumps({"version": 1, "command_tools": tools, "mcp": servers or {}})


def tool(it, name="try_it", argv=("/bin/true",)):
    return ServedCommandTool(name, section(argv), it.socket)


async def refusal(made, **arguments):
    with pytest.raises(ToolError) as error:
        await made.call(arguments, None)
    return str(error.value)


async def test_a_declared_program_runs_with_the_arguments_of_the_call(tmp_path):
    echo = declared(
        [sys.executable, "-c", "import sys; print(sys.argv[1])", "{word}"], parameters=WORD
    )
    async with program_service(tmp_path, settings(try_it=echo)) as it:
        assert await tool(it).call({"word": "a; b `c`"}, None) == "a; b `c`"
        assert await refusal(tool(it), word=5) == "word must be text."
        assert await refusal(tool(it), word="-rf") == "An argument must not begin with a dash."


async def test_what_the_daemon_believes_is_declared_does_not_matter(tmp_path):
    sign = tmp_path / "sign"
    async with program_service(tmp_path, settings(try_it=declared(["/bin/echo", "mine"]))) as it:
        assert await tool(it, argv=["/usr/bin/touch", sign]).call({}, None) == "mine"
        assert await refusal(tool(it, "other", ["/usr/bin/touch", sign])) == (
            "No settings file of this device declares that program."
        )
    assert not sign.exists()


async def test_a_change_of_the_file_counts_at_once(tmp_path):
    async with program_service(tmp_path, settings(try_it=declared(["/bin/echo", "one"]))) as it:
        assert await tool(it).call({}, None) == "one"
        it.file.write_text(settings(try_it=declared(["/bin/echo", "two"])))
        assert await tool(it).call({}, None) == "two"
        (tmp_path / "conf.d").mkdir()
        (tmp_path / "conf.d" / "tools.yaml").write_text(
            settings(try_it=declared(["/bin/echo", "three"]))
        )
        assert await tool(it).call({}, None) == "three"
        it.file.write_text("version: [\n")
        assert "No settings file" in await refusal(tool(it))
        it.file.unlink()
        assert "No settings file" in await refusal(tool(it))


async def test_a_declaration_with_a_fault_is_none(tmp_path):
    right = declared(["/bin/echo", "right"])
    wrong = {
        "by_its_form": declared(["/bin/true"], timeout_s=0),
        "by_a_key": declared(["/bin/true"], metod="x"),
        "by_its_sense": declared(["true"]),
        "by_its_schema": declared(["/bin/true"], parameters={"properties": {"a": 1}}),
    }
    async with program_service(tmp_path, settings(try_it=right, **wrong)) as it:
        assert await tool(it).call({}, None) == "right"
        for name in wrong:
            assert "declare" in await refusal(tool(it, name))


def hostile_requests(touch):
    """Requests that would run `touch` if anything in them were taken for a declaration."""
    declaration, server = {"description": "d", "argv": touch}, {"command": touch}
    odd = [None, 5, [], {}, "", "none", "try_it\0", "../try_it", "x" * 70_000, "\ud800"]
    names = [*odd, "try_it", declaration, server, touch, " ".join(touch), touch[0]]
    others = [*odd[:5], declaration, server, touch, {"argv": touch}, {"LD_PRELOAD": "/x"}]
    keys = ("arguments", "secrets", "argv", "command", "declared", "command_tools", "mcp")
    for kind, name, key, other in product(("tool", "server", *keys[2:]), names, keys, others):
        yield json.dumps({kind: name, key: other}).encode()
        if key not in ("arguments", "secrets"):
            yield json.dumps({kind: name, "arguments": {}, "secrets": {}, key: other}).encode()
    yield from (
        b"",
        b"\xff\x00",
        b"[" * 100_000,
        b"{",
        b'"tool"',
        b"1e999",
        b"[]",
        b"x" * 1_200_000,
    )


async def test_nothing_that_anybody_could_send_starts_anything_undeclared(tmp_path, measured):
    sign = tmp_path / "sign"
    requests = list(hostile_requests(["/usr/bin/touch", str(sign)]))
    chance = random.Random(22)
    tried = chance.sample(requests[:-8], 1500) + requests[-8:]
    own = settings({"try_it": {"command": ["/bin/true"]}}, try_it=declared(["/bin/true"]))
    async with program_service(tmp_path, own) as it:
        for line in tried:
            (answer,) = await raw(it.socket, line + b"\n")
            assert json.loads(answer).keys() < {"error", "result", "started"}, line[:100]
        assert await tool(it).call({}, None) == {"ok": True}
        assert it.process.returncode is None
    assert not sign.exists()
    measured(f"{len(tried)} requests to the service for programs tried, of {len(requests)}")


async def test_who_says_nothing_is_shown_the_door(tmp_path):
    async with program_service(tmp_path, settings(try_it=declared(["/bin/true"]))) as it:
        began_s = time.monotonic()
        (answer,) = await raw(it.socket)
        assert "not a request" in answer.decode()
        assert time.monotonic() - began_s > 4


async def test_a_call_that_nobody_waits_for_is_ended_with_all_it_started(tmp_path):
    note = tmp_path / "pids"
    text = f"import os, time; child = os.fork(); open({str(note)!r}, 'a').write(str(os.getpid()) + '\\n'); time.sleep(600)"
    async with program_service(
        tmp_path, settings(try_it=declared([sys.executable, "-c", text]))
    ) as it:
        calling = asyncio.ensure_future(tool(it).call({}, None))
        await until(lambda: note.exists() and note.read_text().count("\n") == 2)
        calling.cancel()
        pids = [int(word) for word in note.read_text().split()]
        await until(lambda: not any(is_alive(pid) for pid in pids), within_s=3)


async def asks_late(path):
    """Connect, and ask when others have connected; return the answer, empty if there is none."""
    reader, writer = await asyncio.open_unix_connection(path)
    with closing(writer), suppress(OSError):
        await asyncio.sleep(0.5)
        writer.write(b'{"tool": "quick", "arguments": {}}\n')
        return await reader.readline()
    return b""


async def test_too_many_at_once_are_refused_and_the_others_go_on(tmp_path):
    begun, gate = tmp_path / "begun", tmp_path / "gate"
    wait = f"echo >>{begun}; while ! test -e {gate}; do sleep 0.2; done"
    sleep = declared(["/bin/sh", "-c", wait], timeout_s=120)
    async with program_service(
        tmp_path, settings(try_it=sleep, quick=declared(["/bin/true"]))
    ) as it:
        async with asyncio.TaskGroup() as group:
            held = [group.create_task(tool(it).call({}, None)) for _ in range(32)]
            await until(lambda: begun.exists() and len(begun.read_text()) == 32, within_s=60)
            assert "Too many" in await refusal(tool(it, "quick"))
            late = [group.create_task(asks_late(it.socket)) for _ in range(MOST_OPEN)]
            answers = [await each for each in late]
            gate.touch()
        assert sum(b"Too many" in answer for answer in answers) == MOST_OPEN - MOST_AT_ONCE
        assert answers.count(b"") == MOST_AT_ONCE
        assert [task.result() for task in held] == [{"ok": True}] * 32
        assert await tool(it, "quick").call({}, None) == {"ok": True}


async def test_a_service_that_is_stopped_leaves_no_program_behind(tmp_path):
    note = tmp_path / "note"
    endless = f"echo $$ >>{note}; while :; do sleep 0.2; done"
    argv = ["/bin/sh", "-c", endless]
    async with program_service(tmp_path, settings(try_it=declared(argv, timeout_s=120))) as it:
        async with asyncio.TaskGroup() as group:
            calling = [group.create_task(refusal(tool(it))) for _ in range(4)]
            await until(lambda: note.exists() and len(note.read_text().split()) == len(calling))
            it.process.terminate()
            assert await asyncio.wait_for(it.process.wait(), 3) == 0
        pids = [int(word) for word in note.read_text().split()]
        assert not any(map(is_alive, pids))


async def test_without_the_service_a_call_is_answered_with_a_sentence(tmp_path, caplog):
    absent = ServedCommandTool("try_it", section(["/bin/true"]), tmp_path / "none.sock")
    assert await refusal(absent) == "The program behind try_it cannot be started."
    assert "the service for programs does not answer" in caplog.text


async def test_a_service_that_dies_in_a_call_is_answered_with_a_sentence(tmp_path):
    async with program_service(tmp_path, settings(try_it=declared(["/bin/sleep", "2"]))) as it:
        async with asyncio.TaskGroup() as group:
            calling = group.create_task(refusal(tool(it)))
            await asyncio.sleep(1)
            it.process.kill()
        assert calling.result() == "The program behind try_it cannot be started."


@pytest.fixture
def served(monkeypatch):
    """Have what this process declares run by a service."""
    return lambda it: monkeypatch.setenv(VARIABLE, str(it.socket))


async def test_an_mcp_server_speaks_through_the_service(tmp_path, served):
    server = {"command": list(REAL), "environment": {**PATHS, "MINE": "1"}}
    async with program_service(tmp_path, settings({"home": server})) as it:
        served(it)
        # The daemon's own idea of the command counts for nothing.
        async with joined(program("/bin/false", environment={"OTHER": "2"})) as house:
            assert await house.call("add", a=1, b=2) == {"result": 3}
            found = await house.call("surroundings")
            pid = (await house.call("identity"))["result"]
        assert found["MINE"] == "1"
        assert "OTHER" not in found
        assert VARIABLE not in found
        await until(lambda: not is_alive(pid), within_s=3)


async def test_a_secret_of_an_environment_comes_from_the_daemon_which_has_it(tmp_path):
    environment = {"SECRET": {"credential": "x"}, "PLAIN": "1"}
    show = [
        sys.executable,
        "-c",
        "import os, json; print(json.dumps(dict(os.environ)), flush=True)",
    ]
    server = {"command": show, "environment": environment}
    async with program_service(tmp_path, settings({"home": server})) as it:
        given = {"SECRET": TOKEN, "PLAIN": "2", "LD_PRELOAD": "/x.so"}
        reader, writer = await served_program(it.socket, "home", given)
        found = json.loads(await reader.readline())
        writer.close()
        assert (found["SECRET"], found["PLAIN"], "LD_PRELOAD" in found) == (TOKEN, "1", False)
        with pytest.raises(LinkError, match="SECRET has no value"):
            await served_program(it.socket, "home", {})


@pytest.mark.parametrize("lie", PARENTS)
async def test_an_mcp_server_and_its_children_end_with_the_connection(tmp_path, served, lie):
    note = tmp_path / "pids"
    server = {"command": [sys.executable, str(LIAR), lie, str(note)], "environment": PATHS}
    async with program_service(tmp_path, settings({"home": server})) as it:
        served(it)
        async with joined(program()) as house:
            pids = [int(word) for word in note.read_text().split()]
            assert all(is_alive(pid) for pid in pids)
            began_s = time.monotonic()
            house.running.cancel()
            await asyncio.wait([house.running])
            assert time.monotonic() - began_s < 2.5
        assert not any(is_alive(pid) for pid in pids)


async def test_a_server_that_is_missing_is_told_of_in_the_words_of_the_system(tmp_path):
    server = {"command": ["/nonexistent/server"]}
    async with program_service(tmp_path, settings({"home": server})) as it:
        with pytest.raises(LinkError, match="it cannot be started: No such file or directory"):
            await served_program(it.socket, "home", {})


async def test_where_there_is_a_service_a_program_need_not_be_executable_here(
    tmp_path, monkeypatch
):
    from voiced.tools.declared.validation import is_program

    monkeypatch.setenv(VARIABLE, str(tmp_path / "programs.sock"))
    script = tmp_path / "script"
    script.write_text("")
    assert not is_program(str(script))
    script.chmod(0o755)
    assert is_program(str(script))
    assert not is_program(str(tmp_path))
    assert not is_program(str(tmp_path / "none"))
    assert os.access("/bin/sh", os.X_OK)
