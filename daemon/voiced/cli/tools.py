"""`voiced tools`: list the tools of this device, or call one by hand."""

import argparse
import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, NoReturn, cast

from msgspec.structs import replace

from voiced.assembly.factory import catalogue, link_options
from voiced.assembly.tools import servers, together, toolbox
from voiced.cli.printing import say
from voiced.config.load import examine, find
from voiced.config.schema import Settings
from voiced.config.tool_rules import CHECKED, DECLARING
from voiced.devices.network.connector import Connector
from voiced.devices.network.resolver import Resolver
from voiced.errors import ToolError, VoicedError
from voiced.lib import event_loop
from voiced.lib.sections import suggestion
from voiced.lib.task_group import TaskGroup
from voiced.ports import Controls, Tool

if TYPE_CHECKING:
    from voiced.tools.mcp.server import McpServer

WITHIN_S = 15.0
KEYS = ("tools", *DECLARING)
KINDS = {"tools": "built-in", "http_tools": "http", "command_tools": "command"}


class NoSuchToolError(VoicedError):
    """The settings have no tool of that name."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    commands = parser.add_subparsers(dest="tools_command", metavar="COMMAND", required=True)
    listing = commands.add_parser("list", help="list the tools")
    call = commands.add_parser("call", help="call a tool as the agent would")
    call.add_argument("name", metavar="NAME")
    call.add_argument(
        "arguments", metavar="JSON", nargs="?", type=_arguments, default={}, help="default: {}"
    )
    for command in (listing, call):
        command.add_argument("--config", metavar="FILE", help="default: where `voiced run` looks")
        command.add_argument(
            "--within",
            type=float,
            default=WITHIN_S,
            metavar="SECONDS",
            help=f"how long to wait for MCP servers; default: {WITHIN_S:g}",
        )


def run(options: argparse.Namespace) -> int:
    """Return the exit code: 1 if the list is incomplete, because of a server or a name in its `allow`.

    Raises:
        ConfigError: If the settings of the tools are wrong.
        NoSuchToolError: If there is no such tool.
        ToolError: With the sentence that the agent would get.
    """
    lines, is_whole = event_loop.run(_run(options, _settings(options.config)))
    # Printed outside the task group, which would wrap a BrokenPipeError.
    say(*lines)
    return 0 if is_whole else 1


async def _run(options: argparse.Namespace, settings: Settings) -> tuple[list[str], bool]:
    """Return the lines to print, and whether they are complete; the log tells what is missing."""
    tools: Mapping[str, Tool] = toolbox(settings, link_options(settings), Resolver())
    called = options.name if options.tools_command == "call" else None
    if called is not None and called in tools:
        return await _call(tools[called], options), True
    problem: VoicedError
    async with _joined(settings, called, options.within) as joined:
        offered = together(tools, joined.values())
        if called is None:
            is_whole = all(each.reached.is_set() and not each.missing for each in joined.values())
            return _listed(settings, offered), is_whole
        try:
            return await _call(_chosen(called, offered, joined), options), True
        except VoicedError as error:  # raised below, as the task group would wrap it
            problem = error
    raise problem


def _chosen(called: str, offered: Mapping[str, Tool], joined: "Mapping[str, McpServer]") -> Tool:
    if called in offered:
        return offered[called]
    for name, server in joined.items():
        if not server.tools:
            raise ToolError(f"{name} is not reachable right now.")
    raise NoSuchToolError(f"there is no tool with that name; {suggestion(called, offered)}")


async def _call(tool: Tool, options: argparse.Namespace) -> list[str]:
    beyond = cast("Controls", _NoDaemon(options.name))
    return [json.dumps(await tool.call(options.arguments, beyond))]


@asynccontextmanager
async def _joined(
    settings: Settings, called: str | None, within_s: float
) -> "AsyncGenerator[Mapping[str, McpServer]]":
    """Connect to the MCP servers that may have the tool `called`; to all if it is None.

    One attempt each: a person at a terminal wants the reason of a failure rather than a wait.
    """
    wanted = {
        name: declared
        for name, declared in settings.mcp.items()
        if called is None or called.startswith(f"{name}_")  # as `sanitize.agent_name` builds it
    }
    connector = Connector(link_options(settings))
    found = servers(
        replace(settings, mcp=wanted), connector, lambda _name, _of, build: build(), lambda: None
    )
    async with TaskGroup() as group:
        running = [group.create_task(server.run()) for server in found]
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    for server in found:
                        await server.tried.wait()
            yield dict(zip(wanted, found, strict=True))
        finally:
            for task in running:
                task.cancel()


def _settings(file: str | None) -> Settings:
    """Return the settings. Problems outside the tools do not matter, such as an unreadable key."""
    examined = examine(find(file), catalogue())
    about_tools = [each for each in examined.problems if _is_about_tools(each.where)]
    if examined.draft is None or about_tools:
        raise (about_tools or examined.problems)[0]
    return examined.draft


def _is_about_tools(where: str) -> bool:
    name = where.rpartition(": ")[2]
    return name.partition(".")[0].partition("[")[0] in {*KEYS, *CHECKED}


def _listed(settings: Settings, tools: Mapping[str, Tool]) -> list[str]:
    kinds = {name: KINDS[key] for key in KEYS for name in getattr(settings, key)}
    width = max((len(name) for name in tools), default=0)
    return [
        f"{name:<{width}}  {kinds.get(name, 'mcp'):<8}  {' '.join(tool.spec.description.split())}"
        for name, tool in tools.items()
    ]


def _arguments(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        raise argparse.ArgumentTypeError('not JSON; write it like \'{"city": "Rome"}\'') from None
    if not isinstance(found, dict):
        raise argparse.ArgumentTypeError('not a JSON object; write it like \'{"city": "Rome"}\'')
    return found


class _NoDaemon:
    """Stands in for the controls of the running daemon, which is another process: all access fails."""

    def __init__(self, name: str) -> None:
        object.__setattr__(self, "_name", name)

    def __getattr__(self, _name: str) -> NoReturn:
        raise ToolError(f"{self._name} works only in the running daemon")

    def __setattr__(self, _name: str, _value: object) -> NoReturn:
        raise ToolError(f"{self._name} works only in the running daemon")
