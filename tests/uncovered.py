"""Programs that coverage does not follow: it takes memory of its own, and twice the time."""

import os


def environment():
    """Return the environment for such a program."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
