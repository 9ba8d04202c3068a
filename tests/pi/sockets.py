"""Reaching a program that has just been started."""

import socket
import time
from pathlib import Path

WAIT_S = 20.0


def connected(path: Path) -> socket.socket:
    """Return a connection to the UNIX socket at `path`, as soon as somebody listens there."""
    deadline_s = time.monotonic() + WAIT_S
    while True:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(str(path))
        except OSError:
            connection.close()
            if time.monotonic() > deadline_s:
                raise
            time.sleep(0.05)
        else:
            return connection
