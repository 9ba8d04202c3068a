"""Asking the daemon that runs on this device."""

import http.client
import json
import socket
from pathlib import Path
from typing import Any

from voiced.config.environment import CONTROL_SOCKET, runtime_folders
from voiced.errors import VoicedError

PATIENCE_S = 60.0


class NotRunningError(VoicedError):
    """Nobody answers."""

    exit_code = 69


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=PATIENCE_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def ask(method: str, target: str) -> dict[str, Any]:
    """Return what the daemon answers.

    Raises:
        NotRunningError: If there is none, or not for this user.
    """
    for folder in runtime_folders():
        connection = _Connection(folder / CONTROL_SOCKET)
        try:
            connection.request(method, target)
            answer = connection.getresponse()
            content = answer.read()
        except PermissionError:
            raise NotRunningError("this user may not ask the daemon: use sudo") from None
        except (OSError, http.client.HTTPException):
            continue
        finally:
            connection.close()
        if answer.status != http.HTTPStatus.OK:
            raise NotRunningError(f"the daemon answered {answer.status}; is it another version?")
        found: dict[str, Any] = json.loads(content)
        return found
    raise NotRunningError("no daemon answers; does it run? See `systemctl status voiced`")
