"""A stand-in WorkBuddy service without sockets: tokens, the two HTTP calls, sessions, the event log."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from agentsim.offload import Offload
from agentsim.stand_in import StandIn
from agentsim.workbuddy.connection import Connection
from agentsim.workbuddy.session import Session
from agentsim.workbuddy.settings import Settings
from agentsim.workbuddy.tokens import Tokens

API = "/api/v1/sdk/"
SOCKET_PATH = "/voice"


class Service(StandIn[Settings]):
    """A stand-in WorkBuddy service without sockets. Make it on a running event loop.

    Attributes:
        ws_url: Where the token call says the WebSocket is.
        sessions: Every session there ever was, oldest first.
        connections: Every connection there ever was, oldest first.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        ws_url: str = f"wss://agent.test{SOCKET_PATH}",
        offload: Offload | None = None,
        events_path: Path | None = None,
    ) -> None:
        super().__init__(settings or Settings(), offload, events_path)
        self.ws_url = ws_url
        self.sessions: list[Session] = []
        self.connections: list[Connection] = []
        self._tokens = Tokens(self.timers.now)

    def answer(
        self, method: str, url: str, headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, Any]]:
        """Answer a call: status and JSON body."""
        path = urlsplit(url).path
        names = {name.lower(): value for name, value in headers.items()}
        status, body = self._answer(method, path, names.get("authorization", ""))
        self.events.add("rest", method=method, path=path, status=status)
        return status, body

    def dial(self, url: str, headers: Mapping[str, str]) -> Connection:
        """Open a connection as a client that dialled `url` would."""
        del url, headers
        number = len(self.connections) + 1
        connection = Connection(self, self._tokens, self.sessions, number)
        self.connections.append(connection)
        connection.log("connected")
        connection.inject("connect")
        return connection

    def close(self) -> None:
        """Close every connection; idempotent."""
        for connection in self.connections:
            connection.close(1001, "going away")
        self.shut_down(len(self.sessions))

    def _answer(self, method: str, path: str, authorization: str) -> tuple[int, Mapping[str, Any]]:
        _, _, call = path.rpartition(API)
        if call not in {"token", "heartbeat"}:
            return 404, {"detail": "Not Found"}
        if method != "POST":
            return 405, {"detail": "Method Not Allowed"}
        fault = self.settings.faults.get("token-status")
        if fault and call == "token":
            return int(fault.number), {"detail": "A fault was asked for."}
        scheme, _, key = authorization.partition(" ")
        if (
            scheme.lower() != "bearer"
            or not key
            or (self.settings.keys and key not in self.settings.keys)
        ):
            return 401, {"detail": "Invalid API key"}
        if not self.settings.active:
            return 403, {"detail": "Kiosk is inactive"}
        if call == "heartbeat":
            return 200, {"status": "ok"}
        token = self._tokens.issue(self.settings.token_s)
        return 200, {"token": token, "ws_url": self.ws_url}
