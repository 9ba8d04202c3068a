"""Servers that are programs on this machine, by standard input and output.

Only for the worker thread. The SDK can run programs too, but it buffers lines of any length.
"""

import asyncio
import os
import re
import shutil
import signal
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
import mcp_types as types
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage

from voiced.lib.json_limits import TooLargeError, check_parts
from voiced.tools.declared.process_group import DYING_S, GRACE_S, ProcessGroup, start_server
from voiced.tools.declared.program_client import served_program
from voiced.tools.declared.validation import is_program

MOST_BYTES = 1024 * 1024  # of a message: parsing one holds the GIL, and other threads wait
PAUSE_S, LONG_PAUSE_S = 0.002, 0.02  # after a message, and a piece of a long one: slows a flood

_ID = re.compile(rb'"id"\s*:\s*([0-9]{1,18})\s*[,}]')
_ID_WITHIN = 200

Messages = MemoryObjectReceiveStream[SessionMessage | Exception]
Streams = tuple[Messages, MemoryObjectSendStream[SessionMessage]]


@asynccontextmanager
async def process(
    command: Sequence[str], environment: Mapping[str, str], gone: Callable[[], None]
) -> AsyncGenerator[Streams, None]:
    """Run a server; end it and its descendants at the end, within about a second.

    Args:
        command: The program and its arguments; never a shell.
        environment: Additions to its minimal environment.
        gone: Called when its output ends.

    Raises:
        LinkError: If it cannot be started.
    """
    group = ProcessGroup()
    words = await _death_signal_prefix() if is_program(command[0]) else []
    with anyio.CancelScope(shield=True):  # asyncio leaks the pipes of a cancelled start
        running = await start_server([*words, *command], environment, group, MOST_BYTES)
    stdout, stdin = running.stdout, running.stdin
    assert stdout is not None and stdin is not None  # noqa: S101, PT018 - they were asked for
    try:
        async with _connected(stdout, stdin, gone) as streams:
            yield streams
    finally:
        with anyio.CancelScope(shield=True):
            await _end(running, group)


@asynccontextmanager
async def served_process(
    socket: Path, name: str, environment: Mapping[str, str], gone: Callable[[], None]
) -> AsyncGenerator[Streams, None]:
    """Have the program service run a server, and end it in the same way.

    Args:
        socket: The socket of the service.
        name: The server's name in the settings.
        environment: Its variables; the service takes only the secrets from them.
        gone: Called when its output ends.

    Raises:
        LinkError: If it cannot be started.
    """
    reader, writer = await served_program(socket, name, environment)
    try:
        async with _connected(reader, writer, gone) as streams:
            yield streams
    finally:
        with anyio.CancelScope(shield=True):
            await _hang_up(reader, writer)


@asynccontextmanager
async def _connected(
    stdout: asyncio.StreamReader, stdin: asyncio.StreamWriter, gone: Callable[[], None]
) -> AsyncGenerator[Streams, None]:
    heard, listen = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    tell, told = anyio.create_memory_object_stream[SessionMessage](0)
    async with heard, listen, tell, told, anyio.create_task_group() as tasks:
        tasks.start_soon(_read, stdout, heard, gone)
        tasks.start_soon(_write, stdin, told)
        try:
            yield listen, tell
        finally:
            tasks.cancel_scope.cancel()


async def _death_signal_prefix() -> list[str]:
    """Return the command prefix that has a program killed with us; nothing where that is forbidden.

    Its input closes when we die, but not every server ends then. Our systemd unit forbids setpriv;
    there, systemd kills what is left.
    """
    setpriv = shutil.which("setpriv")
    words = [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []
    with suppress(OSError):
        with anyio.CancelScope(shield=True):  # as above
            trial = await asyncio.create_subprocess_exec(
                *words, "true", stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL
            )
        try:
            return words if await trial.wait() == 0 else []
        finally:  # also if cancelled
            await _reap(trial)
    return []


async def _read(
    stdout: asyncio.StreamReader,
    heard: MemoryObjectSendStream[SessionMessage | Exception],
    gone: Callable[[], None],
) -> None:
    """Pass on the server's messages until its output ends; other lines are ignored."""
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError, ConnectionError):
        while True:
            try:
                line = await stdout.readuntil()
                message = _message(line)
            except asyncio.LimitOverrunError:
                message = await _refusal(stdout)
            except asyncio.IncompleteReadError:
                break
            if message is not None:
                await heard.send(SessionMessage(message))
            await anyio.sleep(PAUSE_S)
    await heard.aclose()
    gone()


def _message(line: bytes) -> types.JSONRPCMessage | None:
    try:
        check_parts(line)
    except TooLargeError:
        return _error_for(line, line)
    try:
        return types.jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValueError:
        return None


async def _refusal(stdout: asyncio.StreamReader) -> types.JSONRPCMessage | None:
    """Skip a line that is too long; return an error in its place. IncompleteReadError at the end of output."""
    begin, piece = b"", b""
    while not piece.endswith(b"\n"):
        try:
            piece = await stdout.readuntil()
        except asyncio.LimitOverrunError as overrun:
            piece = await stdout.readexactly(overrun.consumed)
            await anyio.sleep(LONG_PAUSE_S)
        begin = begin or piece[:_ID_WITHIN]
    return _error_for(begin, piece)


def _error_for(begin: bytes, end: bytes) -> types.JSONRPCMessage | None:
    """Return an error in place of a message with this beginning and end; None if it is no answer."""
    found = _ID.search(begin[:_ID_WITHIN]) or _ID.search(end[-_ID_WITHIN:])
    if found is None:
        return None
    error = types.ErrorData(code=types.PARSE_ERROR, message="the message is too long")
    return types.JSONRPCError(jsonrpc="2.0", id=int(found[1]), error=error)


async def _write(
    stdin: asyncio.StreamWriter, told: MemoryObjectReceiveStream[SessionMessage]
) -> None:
    with suppress(OSError):  # the server has ended; `_read` notices that too
        async for each in told:
            text = each.message.model_dump_json(by_alias=True, exclude_unset=True)
            stdin.write(text.encode() + b"\n")
            await stdin.drain()


async def _end(running: Process, group: ProcessGroup) -> None:
    """End the server: close its input, then send SIGTERM, then kill its group."""
    if running.stdin is not None:
        running.stdin.close()
    await _drained(running)
    with suppress(ProcessLookupError):
        os.killpg(running.pid, signal.SIGTERM)
        await _drained(running)
    group.end()
    await group.ended()
    await _reap(running)


async def _hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Tell the service to end the server, and wait as long as that may take."""
    with suppress(OSError), anyio.move_on_after(2 * GRACE_S + DYING_S):
        writer.write_eof()
        while await reader.read(MOST_BYTES):
            pass
    writer.close()


async def _reap(process: Process) -> None:
    """Kill it if it still runs, and close our ends of its pipes, which others may keep open."""
    transport = getattr(process, "_transport", None)
    if transport is not None:
        transport.close()
    with anyio.CancelScope(shield=True):
        await process.wait()


async def _drained(running: Process) -> None:
    """Wait `GRACE_S` for its end. Reads on: a server blocked in a write could not end."""
    stdout = running.stdout
    assert stdout is not None  # noqa: S101 - it was asked for
    with anyio.move_on_after(GRACE_S):
        while await stdout.read(MOST_BYTES):
            pass
        await running.wait()
