"""voiced config: check a settings file, show what is in force, print the schema."""

import argparse
import json
import sys

from voiced.app import catalogue
from voiced.config.load import Examined, examine, find
from voiced.errors import ConfigError


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `voiced config`."""
    commands = parser.add_subparsers(dest="config_command", metavar="COMMAND", required=True)
    check = commands.add_parser("check", help="say what is wrong with a settings file")
    show = commands.add_parser("show", help="print every setting in force, secrets masked")
    commands.add_parser("schema", help="print the JSON schema of a settings file")
    for command in (check, show):
        command.add_argument(
            "file", nargs="?", metavar="FILE", help="default: where `voiced run` looks"
        )


def run(args: argparse.Namespace) -> int:
    """Return the exit code: 78 if the settings file is not fit for use.

    Raises:
        ConfigError: If there is no settings file.
    """
    if args.config_command == "schema":
        from voiced.config.reference import json_schema

        print(json.dumps(json_schema(), indent=2))
        return 0
    path = find(args.file)
    examined = examine(path, catalogue())
    _report(examined)
    if examined.settings is None:
        return ConfigError.exit_code
    if args.config_command == "show":
        from voiced.config.show import to_yaml

        print(to_yaml(examined.settings), end="")
    else:
        print(f"{path}: ok")
    return 0


def _report(examined: Examined) -> None:
    for problem in examined.problems:
        print(problem, file=sys.stderr)
    for warning in examined.warnings:
        print(f"warning: {warning}", file=sys.stderr)
