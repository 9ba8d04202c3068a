"""Prints the extras that the settings of a command name, a line each: what scripts/run calls with voiced's arguments.

Nothing is wrong with settings that cannot be read, here: the command itself will say so.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from voiced.config.load import draft, find
from voiced.config.schema import Settings
from voiced.errors import ConfigError

COMMANDS = ("run", "doctor", "tools", "config")
"""What reads the system's settings where none are given."""

FILES = (".yaml", ".yml", ".json")


def given(arguments: list[str]) -> Path | None:
    """Return the settings file that a command line names, or else the system's; None if there is none."""
    for before, argument in zip(["", *arguments], arguments, strict=False):
        if argument.startswith("--config="):
            return Path(argument.partition("=")[2])
        if before == "--config" or argument.endswith(FILES):
            return Path(argument)
    if not arguments or arguments[0] not in COMMANDS:
        return None
    try:
        return find(None)
    except ConfigError:
        return None


def named(settings: Settings) -> Iterator[str]:
    """Yield the extras of pyproject.toml without which something in `settings` has no effect."""
    remote = settings.remote
    if settings.button or settings.buttons or settings.led:
        yield "gpio"
    if settings.kiosk is not None:
        yield "kiosk"
    if settings.metrics is not None:
        yield "metrics"
    if settings.mqtt is not None:
        yield "mqtt"
    if remote is not None and remote.public_key is not None:
        yield "signed"
    if settings.network.proxy.startswith("socks"):
        yield "socks"
    if settings.http_tools or settings.command_tools or settings.mcp:
        yield "tools"
    if settings.mcp:
        yield "mcp"


def main() -> None:
    """Print them."""
    path = given(sys.argv[1:])
    settings = None if path is None else draft(path)
    for extra in () if settings is None else named(settings):
        print(extra)


if __name__ == "__main__":
    main()
