"""`voiced logs`: what the service has written to the journal."""

import argparse
import os
from shutil import which

from voiced.cli.client import NotRunningError

UNIT = "voiced"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("-f", "--follow", action="store_true", help="keep printing new lines")
    parser.add_argument(
        "-n", "--lines", metavar="N", type=int, default=50, help="how many lines to print"
    )


def run(options: argparse.Namespace) -> int:
    """Replace this process by journalctl.

    Raises:
        NotRunningError: If this machine has no journal.
    """
    program = which("journalctl")
    if program is None:
        raise NotRunningError(
            "there is no journal here: the daemon logs to the terminal that started it"
        )
    command = [program, "--unit", UNIT, "--lines", str(options.lines), "--output", "short-iso"]
    command += ["--no-hostname", *(["--follow"] if options.follow else ["--no-pager"])]
    os.execv(program, command)  # noqa: S606 - found on the path, as a shell would
