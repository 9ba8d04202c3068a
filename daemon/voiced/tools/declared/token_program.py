"""The program of `agent.token.command`, which prints a temporary token. It runs as a tool does."""

import json
from typing import Any, cast

from voiced.agents.codec import DialCall, HttpAnswer, HttpCall
from voiced.config.schema_tools import CommandToolSection
from voiced.errors import LinkError, ToolError
from voiced.ports import Controls, HttpCaller, Tool
from voiced.tools.declared.program_client import ServedToken, program_socket

NAME = "agent.token"
TIMEOUT_S = 10  # as for a web service that issues tokens


class DialCalls:
    """Makes the calls of a dial plan; implements `DialCaller`.

    Args:
        http: Makes HTTP calls.
    """

    def __init__(self, http: HttpCaller) -> None:
        self._http = http

    async def __call__(self, call: DialCall) -> HttpAnswer:
        if isinstance(call, HttpCall):
            return await self._http(call)
        try:
            printed = await _program(call.argv).call({}, cast("Controls", None))
        except ToolError as error:
            raise LinkError(f"no token: {error}".rstrip(".")) from None
        try:
            return HttpAnswer(200, printed.encode() if isinstance(printed, str) else _json(printed))
        except UnicodeEncodeError:  # whose own message would quote the output
            problem = "no token: the program behind agent.token printed half a character"
            raise LinkError(f"{problem} (a lone surrogate)") from None


def token_tool(argv: tuple[str, ...]) -> Tool:
    """Return the program as a tool without arguments, with a tool's limits of time and output."""
    from voiced.tools.declared.command import CommandTool

    return CommandTool(NAME, _declared(argv))


def _declared(argv: tuple[str, ...]) -> CommandToolSection:
    return CommandToolSection(description="Print a token.", argv=argv, timeout_s=TIMEOUT_S)


def _program(argv: tuple[str, ...]) -> Tool:
    """Return the tool that runs the program, here or through the program service."""
    socket = program_socket()
    return token_tool(argv) if socket is None else ServedToken(NAME, _declared(argv), socket)


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()
