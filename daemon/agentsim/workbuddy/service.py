"""What outlives connections: tokens, the two HTTP calls, the event log."""

import asyncio
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from agentsim.eventlog import EventLog
from agentsim.offload import Inline, Offload
from agentsim.timers import Timers
from agentsim.workbuddy.connection import Connection
from agentsim.workbuddy.session import Session
from agentsim.workbuddy.settings import Settings

API = "/api/v1/sdk/"
SOCKET_PATH = "/voice"


class Service:
    """A stand-in WorkBuddy service without sockets. Make it on a running event loop.

    Attributes:
        settings: May be changed at any time.
        ws_url: Where the token call says the WebSocket is.
        sessions: Every session there ever was, oldest first.
        connections: Every connection there ever was, oldest first.
        events: What happened.
        violations: How often a client broke a documented rule.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        ws_url: str = f"wss://agent.test{SOCKET_PATH}",
        offload: Offload | None = None,
        events_path: Path | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.settings = settings or Settings()
        self.ws_url = ws_url
        self.offload = offload or Inline()
        self.timers = Timers(loop)
        self.events = EventLog(loop.time, events_path)
        self.sessions: list[Session] = []
        self.connections: list[Connection] = []
        self.violations = 0
        self._tokens: dict[str, float] = {}

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
        connection = Connection(self, len(self.connections) + 1)
        self.connections.append(connection)
        connection.log("connected")
        connection.do("connect")
        return connection

    def redeem(self, token: str) -> bool:
        """Use up a token; return whether it was good."""
        return self._tokens.pop(token, float("-inf")) > self.timers.now()

    def open_session(self, connection: Connection) -> Session:
        """Begin a conversation; there is nothing to take up again."""
        session = Session(connection, len(self.sessions) + 1)
        self.sessions.append(session)
        return session

    def close(self) -> None:
        """Close every connection; idempotent."""
        for connection in self.connections:
            connection.close(1001, "going away")
        self.timers.cancel_all()
        self.offload.close()
        self.settings.understanding.close()
        if not self.events.find("summary"):
            self.events.add("summary", sessions=len(self.sessions), violations=self.violations)
        self.events.close()

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
        token = f"jwt.{secrets.token_urlsafe(24)}"
        self._tokens[token] = self.timers.now() + self.settings.token_s
        return 200, {"token": token, "ws_url": self.ws_url}
