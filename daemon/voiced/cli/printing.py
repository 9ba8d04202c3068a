"""The one way out for words of a command: nothing foreign gets to a terminal as it came."""

import json
import sys
from typing import Any, TextIO

from voiced.lib.printable import shown


def say(*lines: str) -> None:
    """Print lines. What would break or change one is shown instead."""
    _write(sys.stdout, lines)


def complain(*lines: str) -> None:
    """Print lines likewise, on standard error."""
    _write(sys.stderr, lines)


def say_json(value: Any, indent: int | None = None) -> None:
    """Print `value` as JSON."""
    say(*json.dumps(value, indent=indent).split("\n"))


def _write(stream: TextIO, lines: tuple[str, ...]) -> None:
    encoding = stream.encoding or "utf-8"
    for line in lines:
        print(shown(line).encode(encoding, "backslashreplace").decode(encoding), file=stream)
    stream.flush()
