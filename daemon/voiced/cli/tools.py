"""`voiced tools`: what the agent may call on this device, and a call by hand."""

import argparse
import asyncio
import json
from collections.abc import Mapping
from typing import Any, NoReturn, cast

from voiced.app import catalogue, link_options
from voiced.config.fields import suggestion
from voiced.config.hands import DECLARING
from voiced.config.load import examine, find
from voiced.config.schema import Settings
from voiced.devices.resolver import Resolver
from voiced.errors import ToolError, VoicedError
from voiced.ports import Controls, Tool
from voiced.toolbox import toolbox

KEYS = ("tools", *DECLARING)
KINDS = {"tools": "built-in", "http_tools": "http", "command_tools": "command"}


class NoSuchToolError(VoicedError):
    """The settings name no tool of that name."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    commands = parser.add_subparsers(dest="tools_command", metavar="COMMAND", required=True)
    listing = commands.add_parser("list", help="list them")
    call = commands.add_parser("call", help="call one by hand, as the agent would")
    call.add_argument("name", metavar="NAME")
    call.add_argument(
        "arguments", metavar="JSON", nargs="?", type=_arguments, default={}, help="default: {}"
    )
    for command in (listing, call):
        command.add_argument("--config", metavar="FILE", help="default: where `voiced run` looks")


def run(options: argparse.Namespace) -> int:
    """Return the exit code: 1 if a tool was called and failed.

    Raises:
        ConfigError: If something is wrong with the tools of the settings.
        NoSuchToolError: If there is no such tool.
        ToolError: With the sentence that the agent would be given.
    """
    settings = _settings(options.config)
    tools = toolbox(settings, link_options(settings), Resolver())
    if options.tools_command == "list":
        _list(settings, tools)
        return 0
    if options.name not in tools:
        raise NoSuchToolError(f"there is no tool of that name; {suggestion(options.name, tools)}")
    beyond = cast("Controls", _NoDaemon(options.name))
    print(json.dumps(asyncio.run(tools[options.name].call(options.arguments, beyond))))
    return 0


def _settings(file: str | None) -> Settings:
    """Return the settings; nothing but their tools has to be right, like a key this user cannot read."""
    examined = examine(find(file), catalogue())
    about_tools = [each for each in examined.problems if _is_about_tools(each.where)]
    if examined.draft is None or about_tools:
        raise (about_tools or examined.problems)[0]
    return examined.draft


def _is_about_tools(where: str) -> bool:
    name = where.rpartition(": ")[2]
    return name.partition(".")[0].partition("[")[0] in KEYS


def _list(settings: Settings, tools: Mapping[str, Tool]) -> None:
    kinds = {name: KINDS[key] for key in KEYS for name in getattr(settings, key)}
    width = max((len(name) for name in tools), default=0)
    for name, tool in tools.items():
        print(f"{name:<{width}}  {kinds[name]:<8}  {' '.join(tool.spec.description.split())}")


def _arguments(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        raise argparse.ArgumentTypeError('not JSON; write it like \'{"city": "Rome"}\'') from None
    if not isinstance(found, dict):
        raise argparse.ArgumentTypeError('not a JSON object; write it like \'{"city": "Rome"}\'')
    return found


class _NoDaemon:
    """Stands where a tool reaches for the running daemon, which is another process."""

    def __init__(self, name: str) -> None:
        object.__setattr__(self, "_name", name)

    def __getattr__(self, _name: str) -> NoReturn:
        raise ToolError(f"{self._name} works only within the running daemon")

    def __setattr__(self, _name: str, _value: object) -> NoReturn:
        raise ToolError(f"{self._name} works only within the running daemon")
