"""What the parts of a session share: its configuration, its connection, whose turn it is."""

from typing import Any

from agentsim.assemblyai.sender import Sender
from agentsim.assemblyai.settings import Settings
from agentsim.sound import NO_SOUND, Samples
from agentsim.stand_in import StandIn
from agentsim.timers import Timers

GATE_EVENTS = {"reply.started", "input.speech.started", "reply.done"}


class SessionState:
    """What the parts of a session share.

    Attributes:
        service: What it belongs to.
        id: What resumes it.
        config: The whole session object as it is now.
        timers: Forgotten when the connection is lost.
        connection: What carries it now; None while it waits to be resumed.
        ready: session.ready was sent on this connection.
        latest: The latest of the events that open and close the gate for tool results.
        user_speaks: input.speech.started was sent, input.speech.stopped not yet.
        stopped_at: When the user last stopped speaking, on the loop's clock.
        unanswered: What the user said and the agent has not begun to answer.
    """

    def __init__(self, service: StandIn[Settings], name: str, config: dict[str, Any]) -> None:
        self.service = service
        self.id = name
        self.config = config
        self.timers = Timers(service.timers.loop)
        self.connection: Sender | None = None
        self.ready = False
        self.latest = ""
        self.user_speaks = False
        self.stopped_at = 0.0
        self.unanswered: Samples = NO_SOUND

    def send(self, kind: str, **fields: Any) -> None:
        """Send one event, if there is a connection."""
        if kind in GATE_EVENTS:
            self.latest = kind
        if self.connection:
            self.connection.send(kind, **fields)

    def inject(self, place: str) -> None:
        """Perform the fault actions due at `place`, if there is a connection."""
        if self.connection:
            self.connection.inject(place)

    def log(self, event: str, **fields: Any) -> None:
        """Log an event of this session."""
        number = self.connection.number if self.connection else None
        self.service.events.add(event, connection=number, session=self.id, **fields)

    def violate(self, rule: str) -> None:
        """Count that the client broke a documented rule."""
        if self.connection:
            self.connection.violate(rule)
