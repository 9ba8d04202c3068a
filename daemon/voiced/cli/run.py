"""`voiced run`: the daemon.

It switches the light on before it imports the rest, which takes seconds on a small board.
"""

import argparse
from importlib import import_module

from voiced.assembly.gpio import first_light, moving
from voiced.config.load import find, service_file
from voiced.errors import ConfigError


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--config", metavar="FILE", help="the settings file")


def run(options: argparse.Namespace) -> int:
    """Hold conversations until asked to stop.

    Raises:
        ConfigError: If the settings cannot be used, and no supervisor would restart us.
    """
    try:
        path, missing = find(options.config).absolute(), None
    except ConfigError as error:
        path, missing = service_file(), error
    lamp = first_light(path)
    with moving(lamp):
        service = import_module("voiced.service.run")
    code: int = service.run(path, lamp, missing)
    return code
