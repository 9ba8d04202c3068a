"""Requests to the daemon that runs on this device."""

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from voiced.errors import VoicedError
from voiced.lib.environment import CONTROL_SOCKET, runtime_folders

PATIENCE_S = 60.0
MOST_BYTES = 16 * 1024 * 1024  # of one answer: more than the longest transcript


class NotRunningError(VoicedError):
    """No daemon answers."""

    exit_code = 69


class RefusedError(VoicedError):
    """The daemon refuses the request, and says why."""

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
    """Return the daemon's answer.

    Raises:
        RefusedError: If the daemon refuses.
        NotRunningError: If no daemon answers, or this user may not ask it.
    """
    with _answered(method, target, text) as answer:
        return _object(answer.read(MOST_BYTES + 1))


def watch(target: str) -> Iterator[dict[str, Any]]:
    """Yield the daemon's answers, line by line, as long as it runs.

    Raises:
        NotRunningError: If no daemon answers, or this user may not ask it.
    """
    with _answered("GET", target, patience_s=None) as answer:
        while line := answer.readline(MOST_BYTES + 1):
            yield _object(line)


@contextmanager
def _answered(
    method: str, target: str, text: str = "", patience_s: float | None = PATIENCE_S
) -> Iterator[http.client.HTTPResponse]:
    with closing(_reached()) as connection:
        reached = connection.sock  # http.client clears it if the server closes after the answer
        try:
            connection.request(method, target, text.encode() or None)
            answer = connection.getresponse()
            if answer.status == http.HTTPStatus.CONFLICT:
                refusal = _object(answer.read(MOST_BYTES + 1)).get("error")
                raise RefusedError(str(refusal))
            if answer.status != http.HTTPStatus.OK:
                problem = f"the daemon answered {answer.status}; is it another version?"
                raise NotRunningError(problem)
            reached.settimeout(patience_s)  # a watch may be silent for hours
            yield answer
        except (OSError, http.client.HTTPException):
            problem = "the daemon accepted the connection but did not answer; see `voiced logs`"
            raise NotRunningError(problem) from None


def _object(answer: bytes) -> dict[str, Any]:
    """Return the JSON object in an answer; NotRunningError if there is none."""
    try:
        found = json.loads(answer) if len(answer) <= MOST_BYTES else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise NotRunningError("the answer is not from a daemon of this version; see `voiced logs`")
    return found


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
    raise NotRunningError("no daemon answers; is it running? See `systemctl status voiced`")
