"""`voiced transcript`: what was said lately, if the settings allow it to be kept."""

import argparse
import json
from datetime import datetime

from voiced.cli.client import ask
from voiced.cli.printing import say


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--json", action="store_true", help="one JSON object per line")


def run(options: argparse.Namespace) -> int:
    """Print it, the oldest line first.

    Raises:
        RefusedError: If no transcript is kept.
        NotRunningError: If no daemon answers.
    """
    for line in ask("GET", "/transcript")["lines"]:
        if options.json:
            say(json.dumps(line, ensure_ascii=False))
            continue
        at = datetime.fromtimestamp(line["at"]).astimezone()
        say(f"{at:%Y-%m-%d %H:%M:%S}  {line['speaker']:<5}  {line['text']}")
    return 0
