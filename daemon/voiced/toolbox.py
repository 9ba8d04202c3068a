"""From settings to the tools that the agent may call. Nothing is imported of a kind that is not named."""

from collections.abc import Mapping
from typing import Any

from voiced.config.hands import DECLARING
from voiced.config.schema import Settings
from voiced.devices.link import LinkOptions
from voiced.devices.resolver import Resolver
from voiced.errors import Problem
from voiced.ports import Tool
from voiced.registry import load
from voiced.tools import TOOLS

CHECKS = {
    "http_tools": "voiced.tools.declared:check_http_tools",
    "command_tools": "voiced.tools.declared:check_command_tools",
}
"""What finds the mistakes in each setting that declares tools."""

LOOKS = {"command_tools": "voiced.tools.declared:absent_programs"}
"""What finds out whether this device has what they need."""


def check_declared(key: str, value: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with the tools declared by the setting `key`."""
    return list(load(CHECKS, key, key)(value)) if value else []


def look_for(key: str, value: Mapping[str, Any]) -> list[Problem]:
    """Return what they need and this device does not have."""
    return list(load(LOOKS, key, key)(value)) if value and key in LOOKS else []


def ingredients(settings: Settings, options: LinkOptions) -> object:
    """Return all that `toolbox` depends on."""
    return settings.tools, [getattr(settings, key) for key in DECLARING], options


def toolbox(settings: Settings, options: LinkOptions, resolver: Resolver) -> dict[str, Tool]:
    """Return the tools that the settings name or declare, by name."""
    tools = built_in_tools(settings)
    if settings.http_tools:
        from voiced.tools.http_tools import HttpTool

        for name, declared in settings.http_tools.items():
            tools[name] = HttpTool(name, declared, options, resolver)
    if settings.command_tools:
        from voiced.tools.command_tools import CommandTool

        for name, declared in settings.command_tools.items():
            tools[name] = CommandTool(name, declared)
    return tools


def built_in_tools(settings: Settings) -> dict[str, Tool]:
    """Return the tools that come with voiced, as far as the settings name them."""
    return {name: load(TOOLS, name, "tools")() for name in settings.tools}
