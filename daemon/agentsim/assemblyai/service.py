"""What outlives connections: credentials, sessions, the event log."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from agentsim.assemblyai import rest
from agentsim.assemblyai.connection import Connection
from agentsim.assemblyai.credentials import Credentials, Visitor
from agentsim.assemblyai.fault_actions import HTTP_TOOL
from agentsim.assemblyai.refusal import Refusal
from agentsim.assemblyai.session import AgentSession
from agentsim.assemblyai.session_object import DEFAULTS, check_first, merged, unknown_keys
from agentsim.assemblyai.settings import Settings
from agentsim.eventlog import EventLog
from agentsim.offload import Inline, Offload
from agentsim.timers import Timers


class Service:
    """A stand-in AssemblyAI service without sockets. Make it on a running event loop.

    Attributes:
        settings: May be changed at any time; `settings.faults` is meant to be.
        sessions: Every session there ever was, oldest first.
        connections: Every connection there ever was, oldest first.
        events: What happened.
        violations: How often a client broke a documented rule; counted in strict mode.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        offload: Offload | None = None,
        events_path: Path | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.settings = settings or Settings()
        self.offload = offload or Inline()
        self.timers = Timers(loop)
        self.events = EventLog(loop.time, events_path)
        self.credentials = Credentials(self.settings, loop.time)
        self.sessions: list[AgentSession] = []
        self.connections: list[Connection] = []
        self.violations = 0

    def dial(self, url: str, headers: Mapping[str, str]) -> Connection:
        """Open a connection as a client that dialled `url` with `headers` would."""
        names = {name.lower(): value for name, value in headers.items()}
        token = parse_qs(urlsplit(url).query).get("token", [None])[0]
        return self._connect(self.credentials.admit(names.get("authorization"), token))

    def connect(self) -> Connection:
        """Open a connection with a good credential."""
        return self._connect(Visitor("test-key"))

    def answer(
        self, method: str, url: str, headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, Any]]:
        """Answer a REST call: status and JSON body."""
        return rest.answer(self, method, url, headers)

    def open_session(self, connection: Connection, update: Any) -> None:
        """Open a session with the first update.

        Raises:
            Refusal: If the service would refuse it.
        """
        session = check_first(update, self.settings.voices)
        self.judge_prompt(session)
        for key in unknown_keys(session):
            connection.violate(f"extra-key:session.{key}")
        agent_id = session.get("agent_id")
        if agent_id is not None:
            if agent_id not in self.settings.scenario.agents:
                raise Refusal("agent_not_found", "No such agent.", "agent_id")
            session = {**self.settings.scenario.agents[agent_id], "agent_id": agent_id}
        if len(self._live()) >= (self.settings.max_sessions or len(self._live()) + 1):
            raise Refusal("concurrency_exceeded", "Too many sessions at a time.")
        config = merged(DEFAULTS, session)
        if "http-tool-call" in self.settings.faults:
            config["tools"] = [*config["tools"], HTTP_TOOL]
        opened = AgentSession(
            self, f"sess_{len(self.sessions) + 1:06d}", connection.visitor, config
        )
        self.sessions.append(opened)
        opened.begin(connection)

    def judge_prompt(self, session: Mapping[str, Any]) -> None:
        """Look at a prompt as a policy of the service would.

        Raises:
            Refusal: If it is not allowed.
        """
        fault = self.settings.faults.get("refuse-prompt")
        if fault is not None and fault.text in session.get("system_prompt", ""):
            raise Refusal("invalid_value", "This prompt is not allowed.", "system_prompt")

    def resume_session(self, connection: Connection, session_id: Any) -> None:
        """Carry on a dropped session on a new connection.

        Raises:
            Refusal: If it cannot be resumed.
        """
        refused = self.settings.faults.get("resume")
        if refused:
            raise Refusal(refused.text, "This session cannot be resumed.", "session_id")
        session = next((each for each in self.sessions if each.id == session_id), None)
        if session is None or session.ended == "ended":
            raise Refusal("session_not_found", "No such session.", "session_id")
        if session.visitor.owner != connection.visitor.owner:
            raise Refusal("session_forbidden", "This session is not yours.", "session_id")
        if session.ended:  # the documents know no session whose grace is over
            live = self.settings.mode == "live"
            code = "session_expired" if live else "session_not_found"
            raise Refusal(code, "This session's grace is over.", "session_id")
        session.resume(connection)

    def connection_closed(self, connection: Connection) -> None:
        """Start the grace of the session a connection carried."""
        if connection.session and connection.session.connection is connection:
            connection.session.detach()

    def close(self) -> None:
        """Close every connection and end every session; idempotent."""
        for connection in self.connections:
            connection.close(1001, "going away")
        for session in self._live():
            session.expire()
        self.timers.cancel_all()
        self.offload.close()
        self.settings.understanding.close()
        if not self.events.find("summary"):
            self.events.add("summary", sessions=len(self.sessions), violations=self.violations)
        self.events.close()

    def _connect(self, visitor: Visitor | None) -> Connection:
        connection = Connection(self, len(self.connections) + 1, visitor or Visitor(""))
        self.connections.append(connection)
        connection.log("connected")
        if visitor is None:
            connection.refuse(Refusal("unauthorized", "Invalid credentials."))
        elif visitor.owner in self.settings.forbidden_keys:
            connection.refuse(Refusal("forbidden", "This key is not allowed to do that."))
        else:
            connection.do("connect")
        return connection

    def _live(self) -> list[AgentSession]:
        return [session for session in self.sessions if not session.ended]
