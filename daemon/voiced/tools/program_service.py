"""The service that runs programs: `python -m voiced.tools.program_service`, its socket as standard input.

The daemon takes input from the agent, a settings server and the network, so under systemd it may
start no program at all. It asks this service, by the name of a tool or an MCP server. Only what the
device's own settings files declare can run: the service reads them itself, and they belong to root.
"""

import asyncio
import json
import logging
import os
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any, cast

from voiced.config.load import Source, draft_of, read, service_file
from voiced.config.schema import Settings
from voiced.config.schema_tools import McpSection
from voiced.errors import ConfigError, LinkError, ToolError
from voiced.lib import event_loop
from voiced.lib.task_group import TaskGroup
from voiced.ports import Controls, Tool
from voiced.tools.declared.command import CommandTool
from voiced.tools.declared.process_group import GRACE_S, ProcessGroup, start_server
from voiced.tools.declared.program_client import MOST_BYTES
from voiced.tools.declared.token_program import token_tool
from voiced.tools.declared.validation import check_command_tools, check_token
from voiced.tools.mcp.validation import check_servers

log = logging.getLogger(__name__)

ASKS_WITHIN_S = 5.0  # how long the request may take to arrive
MOST_AT_ONCE = 32  # programs; the daemon calls four tools at a time, the rest are MCP servers
MOST_OPEN = 2 * MOST_AT_ONCE  # connections, with those that are refused; more are closed unread
PIECE_BYTES = 64 * 1024


class RefusedError(Exception):
    """The request cannot be fulfilled. The text is sent to the client."""


class ProgramService:
    """Runs what the device's own settings declare.

    Args:
        path: The settings file; its drop-ins are read too.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: tuple[list[Source], Settings | None] = ([], None)
        self._n_open = 0

    async def attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it is closed; its program has ended then."""
        self._n_open += 1
        n_open = self._n_open
        try:
            with closing(writer), suppress(OSError):
                if n_open <= MOST_OPEN:
                    await self._serve(reader, writer, has_room=n_open <= MOST_AT_ONCE)
        finally:
            self._n_open -= 1

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, has_room: bool
    ) -> None:
        try:
            request = await _request(reader, has_room=has_room)
            if "tool" in request or "token" in request:
                answer = await self._call(request, reader)
                if answer is not None:
                    await _tell(writer, answer)
                return
            async with self._running(request) as process:
                await _tell(writer, {"started": True})
                await _pass_on(process, reader, writer)
        except RefusedError as error:
            await _tell(writer, {"error": str(error)})

    async def _call(
        self, request: Mapping[str, Any], reader: asyncio.StreamReader
    ) -> Mapping[str, Any] | None:
        """Call a tool; return None if the client has closed the connection meanwhile."""
        tool = self._tool(request["tool"]) if "tool" in request else self._token()
        arguments = request.get("arguments")
        if not isinstance(arguments, dict):
            raise RefusedError("That is not a request.")
        async with TaskGroup() as group:
            calling = group.create_task(_outcome(tool, arguments))
            watching = group.create_task(_until_gone(reader))
            await asyncio.wait([calling, watching], return_when=asyncio.FIRST_COMPLETED)
            watching.cancel()
            if not calling.done():
                calling.cancel()
        return None if calling.cancelled() else calling.result()

    def _tool(self, name: object) -> CommandTool:
        known, declared = self._declared("command_tools", name)
        if any(check_command_tools({known: declared})):
            raise RefusedError(f"{known} is not declared correctly.")
        return CommandTool(known, declared)

    def _token(self) -> Tool:
        settings = self._settings()
        declared = settings.agent.token if settings is not None else None
        if declared is None or any(check_token(declared)) or declared.command is None:
            raise RefusedError("No settings file of this device declares agent.token.command.")
        return token_tool(declared.command)

    @asynccontextmanager
    async def _running(self, request: Mapping[str, Any]) -> AsyncGenerator[Process, None]:
        """Run an MCP server; end it and its descendants at the end."""
        name, declared = self._declared("mcp", request.get("server"))
        if any(check_servers({name: declared})) or declared.command is None:
            raise RefusedError(f"{name} is not declared as a program")
        group, environment = ProcessGroup(), _environment(declared, request.get("secrets"))
        try:
            process = await start_server(declared.command, environment, group, PIECE_BYTES)
        except LinkError as error:
            raise RefusedError(error.reason) from None
        try:
            yield process
        finally:
            await _end(process, group)

    def _declared(self, key: str, name: object) -> tuple[str, Any]:
        """Return a name and its section of the settings, read now so that changes take effect at once."""
        settings = self._settings()
        found = {} if settings is None else getattr(settings, key)
        if not isinstance(name, str) or name not in found:
            log.warning("asked for %.100r, which %s does not declare", name, self._path)
            raise RefusedError("No settings file of this device declares that program.")
        return name, found[name]

    def _settings(self) -> Settings | None:
        """Return the settings in the files now, None if they cannot be read."""
        try:
            sources = read(self._path)
        except ConfigError:
            sources = []
        if sources != self._known[0]:
            self._known = sources, draft_of(sources) if sources else None
        return self._known[1]


async def _request(reader: asyncio.StreamReader, *, has_room: bool) -> Mapping[str, Any]:
    """Return the request. It is read in any case: a client that still writes would miss the refusal."""
    try:
        async with asyncio.timeout(ASKS_WITHIN_S):
            request = json.loads(await reader.readline())
    except (ValueError, RecursionError, TimeoutError):
        request = None
    if not has_room:
        raise RefusedError("Too many programs run already.")
    if not isinstance(request, dict):
        raise RefusedError("That is not a request.")
    return request


async def _outcome(tool: Tool, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        return {"result": await tool.call(arguments, cast("Controls", None))}
    except ToolError as error:
        return {"error": str(error)}


async def _tell(writer: asyncio.StreamWriter, answer: Mapping[str, Any]) -> None:
    writer.write(json.dumps(answer).encode() + b"\n")
    await writer.drain()


async def _until_gone(reader: asyncio.StreamReader) -> None:
    with suppress(OSError):
        while await reader.read(PIECE_BYTES):
            pass


def _environment(declared: McpSection, secrets: object) -> dict[str, str]:
    """Return the environment of a server, as declared. Its secrets come from the daemon, which has them."""
    given = secrets if isinstance(secrets, dict) else {}
    environment: dict[str, str] = {}
    for name, value in declared.environment.items():
        found = value.text if value.secret is None else given.get(name)
        if not isinstance(found, str):
            raise RefusedError(f"it cannot be started: {name} has no value")
        environment[name] = found
    return environment


async def _pass_on(
    process: Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Copy data in both directions until one side closes."""
    stdin, stdout = process.stdin, process.stdout
    assert stdin is not None and stdout is not None  # noqa: S101, PT018 - they were asked for
    async with TaskGroup() as group:
        ways = [
            group.create_task(_carry(reader, stdin)),
            group.create_task(_carry(stdout, writer)),
        ]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()


async def _carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await source.read(PIECE_BYTES):
            sink.write(piece)
            await sink.drain()


async def _end(process: Process, group: ProcessGroup) -> None:
    """End a server: close its input, then send SIGTERM, then kill its group."""
    if process.stdin is not None:
        process.stdin.close()
    if not await _ends(process):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
            await _ends(process)
    group.end()
    await group.ended()
    await process.wait()


async def _ends(process: Process) -> bool:
    """Return whether it ends within `GRACE_S`. Reads on: a server blocked in a write could not end."""
    stdout = process.stdout
    assert stdout is not None  # noqa: S101 - it was asked for
    with suppress(TimeoutError):
        async with asyncio.timeout(GRACE_S):
            while await stdout.read(PIECE_BYTES):
                pass
            await process.wait()
    return process.returncode is not None


async def serve(listener: socket.socket, path: Path) -> None:
    """Run programs for every client until cancelled or SIGTERM; then all programs are ended."""
    ours = asyncio.current_task()
    if ours is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ours.cancel)
    service = ProgramService(path)
    server = await asyncio.start_unix_server(service.attend, sock=listener, limit=MOST_BYTES)
    async with server:
        await server.serve_forever()


def main() -> int:
    """Serve the socket that is our standard input, until SIGTERM."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    listener = socket.socket(fileno=os.dup(sys.stdin.fileno()))
    with suppress(KeyboardInterrupt, asyncio.CancelledError):
        event_loop.run(serve(listener, service_file()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
