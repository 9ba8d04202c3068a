"""The only place that reads the environment."""

import os


def variable(name: str) -> str | None:
    """Return the environment variable `name`, or None if it is unset or empty."""
    return os.environ.get(name) or None  # noqa: TID251 - this is the one place
