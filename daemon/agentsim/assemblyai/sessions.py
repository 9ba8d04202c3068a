"""All sessions of one stand-in: opens them, finds them again."""

from typing import Any

from agentsim.assemblyai.credentials import Credentials, Visitor
from agentsim.assemblyai.refusal import Refusal
from agentsim.assemblyai.sender import Sender
from agentsim.assemblyai.session import AgentSession
from agentsim.assemblyai.session_object import (
    DEFAULTS,
    check_first,
    check_prompt,
    merged,
    unknown_keys,
)
from agentsim.assemblyai.settings import Settings
from agentsim.assemblyai.tool_objects import HTTP_TOOL
from agentsim.stand_in import StandIn


class Sessions:
    """Opens sessions, and resumes those that lost their connection.

    Attributes:
        service: What they belong to.
        all: Every session there ever was, oldest first.
    """

    def __init__(self, service: StandIn[Settings], credentials: Credentials) -> None:
        self.service = service
        self.all: list[AgentSession] = []
        self._credentials = credentials

    @property
    def live(self) -> list[AgentSession]:
        """Those that have not ended."""
        return [session for session in self.all if not session.ended]

    def open(self, connection: Sender, visitor: Visitor, update: Any) -> AgentSession:
        """Open a session with the first update.

        Raises:
            Refusal: If the service would refuse it.
        """
        settings = self.service.settings
        session = check_first(update, settings.voices)
        check_prompt(session, settings.faults)
        for key in unknown_keys(session):
            connection.violate(f"extra-key:session.{key}")
        agent_id = session.get("agent_id")
        if agent_id is not None:
            if agent_id not in settings.scenario.agents:
                raise Refusal("agent_not_found", "No such agent.", "agent_id")
            session = {**settings.scenario.agents[agent_id], "agent_id": agent_id}
        if settings.max_sessions and len(self.live) >= settings.max_sessions:
            raise Refusal("concurrency_exceeded", "Too many sessions at a time.")
        config = merged(DEFAULTS, session)
        if "http-tool-call" in settings.faults:
            config["tools"] = [*config["tools"], HTTP_TOOL]
        name = f"sess_{len(self.all) + 1:06d}"
        opened = AgentSession(self.service, self._credentials, name, visitor, config)
        self.all.append(opened)
        opened.begin(connection)
        return opened

    def resume(self, connection: Sender, visitor: Visitor, session_id: Any) -> AgentSession:
        """Continue a dropped session on a new connection.

        Raises:
            Refusal: If it cannot be resumed.
        """
        refused = self.service.settings.faults.get("resume")
        if refused:
            raise Refusal(refused.text, "This session cannot be resumed.", "session_id")
        session = next((each for each in self.all if each.id == session_id), None)
        if session is None or session.ended == "ended":
            raise Refusal("session_not_found", "No such session.", "session_id")
        if session.visitor.owner != visitor.owner:
            raise Refusal("session_forbidden", "This session is not yours.", "session_id")
        if session.ended:  # the documentation does not mention a session whose grace is over
            live = self.service.settings.mode == "live"
            code = "session_expired" if live else "session_not_found"
            raise Refusal(code, "This session's grace is over.", "session_id")
        session.resume(connection)
        return session
