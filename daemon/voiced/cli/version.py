"""`voiced --version`: the version, and in a checkout the commit."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from voiced import __version__
from voiced.cli.printing import say

ROOT = Path(__file__).resolve().parents[3]
"""The checkout, if it is one; of an installed version this is a folder of Python's."""

PATIENCE_S = 2.0


class PrintVersion(argparse.Action):
    """Prints the version and exits."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        _namespace: argparse.Namespace,
        _values: str | Sequence[Any] | None,
        _option_string: str | None = None,
    ) -> None:
        """Print it."""
        say(version_line(ROOT))
        parser.exit()


def version_line(root: Path) -> str:
    """Return the version, with the commit if `root` is a checkout whose commit git tells."""
    commit = _commit(root)
    return f"voiced {__version__}" + (f" ({commit})" if commit else "")


def _commit(root: Path) -> str:
    git = root / ".git"  # a folder; in a further worktree, a file
    if not git.exists():
        return ""
    import subprocess  # not at the start of each command

    command = ["git", f"--git-dir={git}", "rev-parse", "--short=12", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE_S, check=True)  # noqa: S603 - a fixed command
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode("ascii", "replace").strip()
