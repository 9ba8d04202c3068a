"""A stand-in AssemblyAI service without sockets: credentials, sessions, connections, the event log."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from agentsim.assemblyai import rest
from agentsim.assemblyai.connection import Connection
from agentsim.assemblyai.credentials import Credentials, Visitor
from agentsim.assemblyai.refusal import Refusal
from agentsim.assemblyai.sessions import Sessions
from agentsim.assemblyai.settings import Settings
from agentsim.offload import Offload
from agentsim.stand_in import StandIn


class Service(StandIn[Settings]):
    """A stand-in AssemblyAI service without sockets. Make it on a running event loop.

    Attributes:
        sessions: Every session there ever was, oldest first.
        connections: Every connection there ever was, oldest first.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        offload: Offload | None = None,
        events_path: Path | None = None,
    ) -> None:
        super().__init__(settings or Settings(), offload, events_path)
        self._credentials = Credentials(self.settings, self.timers.now)
        self._sessions = Sessions(self, self._credentials)
        self.sessions = self._sessions.all
        self.connections: list[Connection] = []

    def dial(self, url: str, headers: Mapping[str, str]) -> Connection:
        """Open a connection as a client that dialled `url` with `headers` would."""
        names = {name.lower(): value for name, value in headers.items()}
        token = parse_qs(urlsplit(url).query).get("token", [None])[0]
        return self._connect(self._credentials.admit(names.get("authorization"), token))

    def connect(self) -> Connection:
        """Open a connection with a good credential."""
        return self._connect(Visitor("test-key"))

    def answer(self, method: str, url: str, headers: Mapping[str, str]) -> rest.Answer:
        """Answer a REST call: status and JSON body."""
        return rest.answer(self._sessions, self._credentials, method, url, headers)

    def close(self) -> None:
        """Close every connection and end every session; idempotent."""
        for connection in self.connections:
            connection.close(1001, "going away")
        for session in self._sessions.live:
            session.expire()
        self.shut_down(len(self.sessions))

    def _connect(self, visitor: Visitor | None) -> Connection:
        number = len(self.connections) + 1
        connection = Connection(self._sessions, number, visitor or Visitor(""))
        self.connections.append(connection)
        connection.log("connected")
        if visitor is None:
            connection.refuse(Refusal("unauthorized", "Invalid credentials."))
        elif visitor.owner in self.settings.forbidden_keys:
            connection.refuse(Refusal("forbidden", "This key is not allowed to do that."))
        else:
            connection.inject("connect")
        return connection
