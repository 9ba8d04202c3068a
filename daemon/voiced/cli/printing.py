"""All output of the commands, so that no foreign text reaches the terminal unescaped."""

import json
import sys
from typing import Any, TextIO

from voiced.lib.printable import shown


def say(*lines: str) -> None:
    """Print lines; control characters in them are shown as escapes."""
    _write(sys.stdout, lines)


def complain(*lines: str) -> None:
    """Print lines in the same way on standard error."""
    _write(sys.stderr, lines)


def say_json(value: Any, indent: int | None = None) -> None:
    """Print `value` as JSON."""
    say(*json.dumps(value, indent=indent).split("\n"))


def _write(stream: TextIO, lines: tuple[str, ...]) -> None:
    encoding = stream.encoding or "utf-8"  # it may lack characters, as in the C locale
    for line in lines:
        print(shown(line).encode(encoding, "backslashreplace").decode(encoding), file=stream)
    stream.flush()
