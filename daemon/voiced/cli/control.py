"""`voiced talk`, `end`, `mute`, `volume`, `say`: control the running daemon."""

import argparse

from voiced.cli.client import ask
from voiced.cli.printing import say


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    command = parser.prog.rpartition(" ")[2]
    if command == "mute":
        parser.add_argument("to", nargs="?", choices=("on", "off", "toggle"), default="toggle")
    elif command == "volume":
        parser.add_argument("to", metavar="PERCENT", help="0 to 100")
    elif command == "say":
        parser.add_argument(
            "text", nargs="+", help="what the agent is to say; a sleeping device wakes up for it"
        )


def run(options: argparse.Namespace) -> int:
    """Send the command.

    Raises:
        RefusedError: If the daemon refuses.
        NotRunningError: If no daemon answers.
    """
    target = f"/{options.command}" + (f"?to={options.to}" if "to" in options else "")
    text = " ".join(options.text) if "text" in options else ""
    found = ask("POST", target, text)
    if options.command in ("mute", "volume"):
        say(f"{'muted' if found['muted'] else 'not muted'}, volume {found['volume']} %")
    return 0
