"""`voiced reload`: have the settings read again."""

import argparse
import sys

from voiced.cli.asking import ask
from voiced.errors import ConfigError


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--remote", action="store_true", help="ask the server for them as well")


def run(options: argparse.Namespace) -> int:
    """Return the exit code: 78 if what was read cannot be used.

    Raises:
        NotRunningError: If no daemon answers.
    """
    answer = ask("POST", "/reload?remote=1" if options.remote else "/reload")
    for line in answer["lines"]:
        print(line)
    if answer["error"]:
        print(f"voiced: {answer['error']}", file=sys.stderr)
        return ConfigError.exit_code
    return 0
