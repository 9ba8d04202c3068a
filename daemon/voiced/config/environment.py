"""The only place that reads the environment."""

import os
from pathlib import Path


def state_folder() -> Path:
    """Return where to keep what outlives the process: the service's folder, else the user's."""
    given = variable("STATE_DIRECTORY")
    if given is not None:
        return Path(given.partition(":")[0])
    home = variable("XDG_STATE_HOME")
    return (Path(home) if home else Path.home() / ".local" / "state") / "voiced"


def variable(name: str) -> str | None:
    """Return the environment variable `name`, or None if it is unset or empty."""
    return os.environ.get(name) or None  # noqa: TID251 - this is the one place
