"""`voiced --version`: the version, and in a checkout the commit."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from voiced import __version__
from voiced.cli.printing import say

ROOT = Path(__file__).resolve().parents[3]  # of a checkout; if installed, a folder of Python's
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
    """Return the version, with the commit if `root` is a git checkout."""
    commit = _commit(root)
    return f"voiced {__version__}" + (f" ({commit})" if commit else "")


def _commit(root: Path) -> str:
    git = root / ".git"  # a folder, or a file in an additional worktree
    if not git.exists():
        return ""
    import subprocess  # here, as other commands do not need it

    command = ["git", f"--git-dir={git}", "rev-parse", "--short=12", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE_S, check=True)  # noqa: S603 - a fixed command
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode("ascii", "replace").strip()
