"""From settings to the tools that the agent may call. Nothing is imported of a kind that is not named."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from voiced.config.schema import Settings
from voiced.config.schema_tools import CommandToolSection, McpSection
from voiced.config.tool_rules import DECLARING
from voiced.devices.network.connector import Connector
from voiced.devices.network.link import LinkOptions
from voiced.devices.network.resolver import Resolver
from voiced.errors import Problem
from voiced.lib.registry import load
from voiced.ports import Tool
from voiced.tools import TOOLS

if TYPE_CHECKING:
    from voiced.tools.mcp.server import McpServer

Make = Callable[[str, object, Callable[[], Any]], Any]
"""Returns the part of that name, built anew only if its ingredients have changed."""

MOST_PROMPT_CHARS = 48_000
"""Of all servers together: three of the longest."""

CHECKS = {
    "http_tools": "voiced.tools.declared.validation:check_http_tools",
    "command_tools": "voiced.tools.declared.validation:check_command_tools",
    "mcp": "voiced.tools.mcp.validation:check_servers",
    "agent.token": "voiced.tools.declared.validation:check_token",
}
"""What finds the mistakes in each setting that declares tools."""

LOOKS = {
    "command_tools": "voiced.tools.declared.validation:absent_programs",
    "mcp": "voiced.tools.mcp.validation:absent",
    "agent.token": "voiced.tools.declared.validation:absent_token_program",
}
"""What finds out whether this device has what they need."""


def check_declared(key: str, value: Any) -> list[Problem]:
    """Return what is wrong with the tools declared by the setting `key`."""
    return list(load(CHECKS, key, key)(value)) if value else []


def look_for(key: str, value: Any) -> list[Problem]:
    """Return what they need and this device does not have."""
    return list(load(LOOKS, key, key)(value)) if value and key in LOOKS else []


def ingredients(settings: Settings, options: LinkOptions) -> object:
    """Return all that `toolbox` depends on."""
    return settings.tools, [getattr(settings, key) for key in DECLARING], options


def toolbox(settings: Settings, options: LinkOptions, resolver: Resolver) -> dict[str, Tool]:
    """Return the tools that the settings name or declare, by name."""
    tools = built_in_tools(settings)
    if settings.http_tools:
        from voiced.tools.declared.http import HttpTool

        for name, declared in settings.http_tools.items():
            tools[name] = HttpTool(name, declared, options, resolver)
    tools |= {name: _command_tool(name, each) for name, each in settings.command_tools.items()}
    return tools


def _command_tool(name: str, declared: CommandToolSection) -> Tool:
    """Return the tool; where the daemon may start no program, one that has it started."""
    from voiced.tools.declared.program_client import ServedCommandTool, program_socket

    if (socket := program_socket()) is not None:
        return ServedCommandTool(name, declared, socket)
    from voiced.tools.declared.command import CommandTool

    return CommandTool(name, declared)


def built_in_tools(settings: Settings) -> dict[str, Tool]:
    """Return the tools that come with voiced, as far as the settings name them."""
    return {name: load(TOOLS, name, "tools")() for name in settings.tools}


def servers(
    settings: Settings, connector: Connector, make: Make, changed: Callable[[], None]
) -> "list[McpServer]":
    """Return the MCP servers that the settings name; those that are named as before go on.

    Args:
        settings: What names them.
        connector: Opens connections.
        make: Builds them, or has them already.
        changed: Is called when one has other tools than before.
    """
    if not settings.mcp:
        return []
    from voiced.tools.mcp.server import McpServer
    from voiced.tools.mcp.validation import server
    from voiced.tools.mcp.worker_thread import WorkerThread

    worker, options = make("mcp", None, WorkerThread), connector.options

    def build(name: str, declared: McpSection) -> McpServer:
        described = server(name, declared, options.ca_file)
        return McpServer(described, worker, changed, connector=connector)

    return [
        make(f"mcp {name}", (declared, options), partial(build, name, declared))
        for name, declared in settings.mcp.items()
    ]


def prompts(joined: "Iterable[McpServer]") -> list[str]:
    """Return what servers want the agent to know, as many of them as fit into `MOST_PROMPT_CHARS`."""
    found: list[str] = []
    for server in joined:
        if not server.prompt:
            continue
        if sum(map(len, found)) + len(server.prompt) > MOST_PROMPT_CHARS:
            server.complain("its prompt is left out: the prompts of other servers fill the limit")
        else:
            found.append(server.prompt)
    return found


def together(tools: Mapping[str, Tool], joined: "Iterable[McpServer]") -> Mapping[str, Tool]:
    """Return these tools and those of servers; of two with one name the first counts."""
    found = dict(tools)
    for server in joined:
        server.hide([name for name in server.tools if name in found])
        found |= {name: tool for name, tool in server.tools.items() if name not in found}
    return found
