"""The only place that reads the environment."""

import os
from pathlib import Path

SERVICE_RUNTIME_FOLDER = "/run/voiced"
SERVICE_STATE_FOLDER = "/var/lib/voiced"
CONTROL_SOCKET = "control.sock"
"""The name of the control socket in a runtime folder."""


def state_folder() -> Path:
    """Return the folder for persistent files: the service's, else the user's."""
    given = variable("STATE_DIRECTORY")
    if given is not None:
        return Path(given.partition(":")[0])  # systemd separates several folders by colons
    home = variable("XDG_STATE_HOME")
    return (Path(home) if home else Path.home() / ".local" / "state") / "voiced"


def runtime_folder() -> Path:
    """Return the folder for files of this run: the service's, else the user's."""
    given = variable("RUNTIME_DIRECTORY")
    if given is not None:
        return Path(given.partition(":")[0])
    session = variable("XDG_RUNTIME_DIR")
    return Path(session) / "voiced" if session else state_folder()


def runtime_folders() -> list[Path]:
    """Return the runtime folders that a daemon may use, the service's first."""
    return [Path(SERVICE_RUNTIME_FOLDER), runtime_folder()]


def variable(name: str) -> str | None:
    """Return the environment variable `name`, or None if it is unset or empty."""
    return os.environ.get(name) or None  # noqa: TID251 - this is the one place
