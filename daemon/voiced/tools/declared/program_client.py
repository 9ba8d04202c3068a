"""Asking the service that runs programs: the daemon itself may start none under systemd.

A connection is one program. The first line is JSON and says what is asked for, by its name in the settings:
`{"tool": NAME, "arguments": {…}}`, `{"token": true, "arguments": {}}` or `{"server": NAME, "secrets": {…}}`. The second line is the answer. After
that, what an MCP server says and hears goes both ways. Whoever closes the connection ends the program.
"""

import asyncio
import json
import logging
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from voiced.config.schema_tools import ToolSection
from voiced.errors import LinkError, ToolError
from voiced.lib.environment import variable
from voiced.ports import Controls
from voiced.tools.declared.tool import Declaration

log = logging.getLogger(__name__)

MOST_BYTES = 1024 * 1024
"""The longest line in either direction. Arguments and results are far shorter: 64 KiB, with escapes."""

VARIABLE = "VOICED_PROGRAMS"
"""The environment variable that holds the path of the socket."""

_AWAY = "The program behind {} cannot be started."


def program_socket() -> Path | None:
    """Return where to ask for programs; None where the daemon starts them by itself."""
    path = variable(VARIABLE)
    return None if path is None else Path(path)


class ServedCommandTool:
    """A tool of `command_tools` that the service runs.

    Args:
        name: What the agent calls it.
        declared: What passed the check of the settings.
        socket: Where the service listens.
    """

    def __init__(self, name: str, declared: ToolSection, socket: Path) -> None:
        self._socket = socket
        self.spec = Declaration(name, declared).spec

    async def call(self, arguments: Mapping[str, Any], controls: Controls) -> object:
        name = self.spec.name
        try:
            reader, writer = await _asked(self._socket, self.request(arguments))
            with closing(writer):
                answer = await _answer(reader)
        except (OSError, ValueError) as error:
            log.warning("tool %s: the service for programs does not answer: %s", name, error)
            raise ToolError(_AWAY.format(name)) from None
        if "error" in answer:
            raise ToolError(str(answer["error"]))
        return answer.get("result")

    def request(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what the service is asked."""
        return {"tool": self.spec.name, "arguments": arguments}


class ServedToken(ServedCommandTool):
    """The program of `agent.token.command`, which the service runs."""

    def request(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"token": True, "arguments": arguments}


async def served_program(
    socket: Path, server: str, secrets: Mapping[str, str]
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Have an MCP server started that is a program; return what it says and hears.

    Args:
        socket: Where the service listens.
        server: What the settings call it.
        secrets: The variables of its environment that are references to secrets, resolved.

    Raises:
        LinkError: If it cannot be started.
    """
    try:
        reader, writer = await _asked(socket, {"server": server, "secrets": dict(secrets)})
    except OSError as error:
        raise LinkError(f"the service for programs does not answer: {error.strerror}") from None
    try:
        answer = await _answer(reader)
    except (OSError, ValueError):
        writer.close()
        raise LinkError("the service for programs does not answer") from None
    except BaseException:
        writer.close()
        raise
    if "error" in answer:
        writer.close()
        raise LinkError(str(answer["error"]))
    return reader, writer


async def _asked(
    socket: Path, request: Mapping[str, Any]
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    line = json.dumps(request, allow_nan=False).encode() + b"\n"
    reader, writer = await asyncio.open_unix_connection(socket, limit=MOST_BYTES)
    try:
        writer.write(line)
        await writer.drain()
    except BaseException:
        writer.close()
        raise
    return reader, writer


async def _answer(reader: asyncio.StreamReader) -> Mapping[str, Any]:
    """Return the next line.

    Raises:
        ValueError: If it is not one of the service's.
        OSError: If the service has gone.
    """
    line = await reader.readline()
    if not line.endswith(b"\n"):
        raise ConnectionResetError("it has ended")
    answer = json.loads(line)
    if not isinstance(answer, dict):
        raise ValueError("no answer of that service")  # noqa: TRY004 - foreign text of a wrong shape
    return answer
