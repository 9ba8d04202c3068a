"""The control socket: HTTP over a Unix socket (control.py), and who asks there (asking.py)."""

import asyncio
import socket
from contextlib import asynccontextmanager, closing

import pytest

from voiced.api.control_socket import ControlSocket
from voiced.runtime.guard import Guard, name_of

pytestmark = pytest.mark.real_time


async def status(_question):
    return {"status": "asleep"}


@asynccontextmanager
async def answering(path, **questions):
    control = ControlSocket(path, questions or {"GET /status": status})
    running = asyncio.create_task(control.run())
    await asyncio.sleep(0.05)
    try:
        yield control
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_whoever_asks_is_answered_from_the_first_question_on(tmp_path):
    path = tmp_path / "control.sock"
    async with answering(path) as control:
        assert path.stat().st_mode & 0o777 == 0o660
        for _ in range(3):
            assert await control.answers()
    assert not path.exists()


async def test_a_question_that_nobody_knows_is_answered_so(tmp_path):
    path = tmp_path / "control.sock"
    async with answering(path):
        assert b"404" in await asked(
            path, b"GET /secrets HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        assert b"405" in await asked(
            path, b"POST /status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        assert b"400" in await asked(path, b"\0\1\2\3 rubbish\r\n\r\n")


async def asked(path, question):
    reader, writer = await asyncio.open_unix_connection(path)
    with closing(writer):
        writer.write(question)
        return await reader.readline()


async def test_nobody_there_does_not_answer(tmp_path):
    assert not await ControlSocket(tmp_path / "none.sock", {}).answers()


async def test_one_that_says_nothing_does_not_answer(tmp_path):
    async def listen(reader, writer):
        await reader.read()
        writer.close()

    path = tmp_path / "control.sock"
    server = await asyncio.start_unix_server(listen, path)
    async with server:
        assert not await ControlSocket(path, {}, patience_s=0.1).answers()
        await asyncio.sleep(0.05)


async def test_a_socket_that_cannot_be_made_is_told_of_and_lived_without(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    guard = Guard()
    control = ControlSocket(tmp_path / "file" / "control.sock", {})
    running = asyncio.create_task(guard.run(name_of(control), control.run))
    await asyncio.sleep(0.05)
    assert [fault.name for fault in guard.faults] == ["control socket"]
    assert "control.sock: cannot be created: File exists; the rest goes on" in caplog.text
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_socket_that_a_killed_daemon_left_is_in_nobodys_way(tmp_path):
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    async with answering(path) as control:
        assert await control.answers()
