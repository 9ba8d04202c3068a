"""Asking the daemon that runs on this device."""

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from voiced.config.environment import CONTROL_SOCKET, runtime_folders
from voiced.errors import VoicedError

PATIENCE_S = 60.0


class NotRunningError(VoicedError):
    """Nobody answers."""

    exit_code = 69


class RefusedError(VoicedError):
    """The daemon says why it does not do what it was asked to."""

    exit_code = 1


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=PATIENCE_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def ask(method: str, target: str, text: str = "") -> dict[str, Any]:
    """Return what the daemon answers.

    Raises:
        RefusedError: If it says that this cannot be done.
        NotRunningError: If there is none, or not for this user.
    """
    with _answered(method, target, text) as answer:
        found: dict[str, Any] = json.loads(answer.read())
    return found


def watch(target: str) -> Iterator[dict[str, Any]]:
    """Yield what the daemon answers, line by line, as long as it runs.

    Raises:
        NotRunningError: If there is none, or not for this user.
    """
    with _answered("GET", target, patience_s=None) as answer:
        while line := answer.readline():
            yield json.loads(line)


@contextmanager
def _answered(
    method: str, target: str, text: str = "", patience_s: float | None = PATIENCE_S
) -> Iterator[http.client.HTTPResponse]:
    with closing(_reached()) as connection:
        try:
            connection.request(method, target, text.encode() or None)
            answer = connection.getresponse()
            if answer.status == http.HTTPStatus.CONFLICT:
                raise RefusedError(json.loads(answer.read())["error"])
            if answer.status != http.HTTPStatus.OK:
                problem = f"the daemon answered {answer.status}; is it another version?"
                raise NotRunningError(problem)
            connection.sock.settimeout(patience_s)
            yield answer
        except (OSError, http.client.HTTPException):
            problem = "the daemon was there and gave no answer; see `voiced logs`"
            raise NotRunningError(problem) from None


def _reached() -> _Connection:
    for folder in runtime_folders():
        connection = _Connection(folder / CONTROL_SOCKET)
        try:
            connection.connect()
        except PermissionError:
            connection.close()
            problem = "this user may not ask the daemon: use sudo, or join the group `voiced`"
            raise NotRunningError(problem) from None
        except OSError:
            connection.close()
        else:
            return connection
    raise NotRunningError("no daemon answers; does it run? See `systemctl status voiced`")
