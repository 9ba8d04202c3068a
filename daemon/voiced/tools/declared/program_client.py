"""The client of the program service: under systemd, the daemon itself may start no programs.

A connection is one program. The first line is a JSON request, by a name in the settings:
`{"tool": NAME, "arguments": {…}}`, `{"token": true, "arguments": {}}` or `{"server": NAME, "secrets": {…}}`.
The second line is the answer. After that, the connection carries the standard input and output of an MCP
server. Closing the connection ends the program.
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

MOST_BYTES = 1024 * 1024  # of a line; arguments and results have at most 64 KiB, plus escapes
VARIABLE = "VOICED_PROGRAMS"  # the environment variable with the path of the socket
_AWAY = "The program behind {} cannot be started."


def program_socket() -> Path | None:
    """Return the socket of the program service; None if the daemon starts programs itself."""
    path = variable(VARIABLE)
    return None if path is None else Path(path)


class ServedCommandTool:
    """A tool of `command_tools` that the service runs.

    Args:
        name: Its name for the agent.
        declared: Its section of the settings, checked.
        socket: The socket of the service.
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
        """Return the request to the service."""
        return {"tool": self.spec.name, "arguments": arguments}


class ServedToken(ServedCommandTool):
    """The program of `agent.token.command`, which the service runs."""

    def request(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"token": True, "arguments": arguments}


async def served_program(
    socket: Path, server: str, secrets: Mapping[str, str]
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Have the service start an MCP server; return the server's output and input.

    Args:
        socket: The socket of the service.
        server: Its name in the settings.
        secrets: The variables of its environment that refer to secrets, resolved.

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
    """Return the answer of the service; ValueError if it is malformed, OSError if there is none."""
    line = await reader.readline()
    if not line.endswith(b"\n"):
        raise ConnectionResetError("it has ended")
    answer = json.loads(line)
    if not isinstance(answer, dict):
        raise ValueError("no answer of that service")  # noqa: TRY004 - foreign text of a wrong shape
    return answer
