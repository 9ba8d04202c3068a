"""`voiced reload`: read the settings again."""

import argparse

from voiced.cli.client import ask
from voiced.cli.printing import complain, say
from voiced.errors import ConfigError


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--remote", action="store_true", help="ask the settings server as well")


def run(options: argparse.Namespace) -> int:
    """Return the exit code: 78 if the settings cannot be used.

    Raises:
        NotRunningError: If no daemon answers.
    """
    answer = ask("POST", "/reload?remote=1" if options.remote else "/reload")
    say(*answer["lines"])
    if answer["error"]:
        complain(f"voiced: {answer['error']}")
        return ConfigError.exit_code
    return 0
