"""The program of `agent.token.command`, which prints a temporary token. It runs as a tool does."""

import json
from dataclasses import dataclass
from typing import cast

from voiced.agents.codec import DialCall, HttpAnswer, HttpCall
from voiced.config.schema_tools import CommandToolSection
from voiced.errors import LinkError, ToolError
from voiced.ports import Controls, HttpCaller, Tool
from voiced.tools.declared.program_client import ServedToken, program_socket

NAME = "agent.token"
TIMEOUT_S = 10  # as for a web service that issues tokens


@dataclass(frozen=True, slots=True)
class DialCalls:
    """Makes the calls of a dial plan; implements `DialCaller`.

    Attributes:
        http: Makes HTTP calls.
    """

    http: HttpCaller

    async def __call__(self, call: DialCall) -> HttpAnswer:
        if isinstance(call, HttpCall):
            return await self.http(call)
        try:
            socket = program_socket()
            program = (
                token_tool(call.argv)
                if socket is None
                else ServedToken(NAME, _declared(call.argv), socket)
            )
            printed = await program.call({}, cast("Controls", None))
        except ToolError as error:
            raise LinkError(f"no token: {error}".rstrip(".")) from None
        try:
            text = printed if isinstance(printed, str) else json.dumps(printed)
            return HttpAnswer(200, text.encode())
        except UnicodeEncodeError:  # whose own message would quote the output
            problem = "no token: the program behind agent.token printed half a character"
            raise LinkError(f"{problem} (a lone surrogate)") from None


def token_tool(argv: tuple[str, ...]) -> Tool:
    """Return the program as a tool without arguments, with a tool's limits of time and output."""
    from voiced.tools.declared.command import CommandTool

    return CommandTool(NAME, _declared(argv))


def _declared(argv: tuple[str, ...]) -> CommandToolSection:
    return CommandToolSection(description="Print a token.", argv=argv, timeout_s=TIMEOUT_S)
