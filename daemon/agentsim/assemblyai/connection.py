"""One connection without its socket: takes the client's messages and passes them to the session."""

import json
from collections.abc import Callable

from agentsim.assemblyai.credentials import Visitor
from agentsim.assemblyai.fault_actions import perform
from agentsim.assemblyai.refusal import Refusal
from agentsim.assemblyai.sender import Body, Sender, loggable
from agentsim.assemblyai.session import AgentSession
from agentsim.assemblyai.sessions import Sessions
from agentsim.client_connection import Message
from agentsim.faults import Fault

KEYS = {
    "session.update": {"session"},
    "session.resume": {"session_id"},
    "session.end": set[str](),
    "input.audio": {"audio"},
    "tool.result": {"call_id", "result", "is_error"},
    "reply.create": {"instructions"},
    "conversation.message": {"role", "content"},
    "reply.cancel": {"reply_id"},
}
"""Every client event and its fields."""

MAX_MESSAGE_BYTES = 1 << 20


class Connection(Sender):
    """The service's end of one connection. Iterate over it for the messages it sends.

    Attributes:
        visitor: Who opened it.
        session: The session it carries, once there is one.
    """

    def __init__(self, sessions: Sessions, number: int, visitor: Visitor) -> None:
        super().__init__(sessions.service, number)
        self.visitor = visitor
        self.session: AgentSession | None = None
        self._sessions = sessions
        self._receivers: dict[str, Callable[[Body], None]] = {
            "session.update": self._on_update,
            "session.resume": self._on_resume,
            "session.end": self._on_end,
        }

    def receive(self, message: Message) -> None:
        """Take one message from the client; never raises: errors are sent to the client."""
        if self.closed or self.frozen:
            return
        try:
            body = _parsed(message)
            self._check_keys(body)
            self._dispatch(body)
        except Refusal as refusal:
            self.refuse(refusal)

    def lost(self, code: int | None = None) -> None:
        """Note that the client closed the connection or vanished; idempotent."""
        if self.session and not (self.closed or self.frozen):
            self.violate("closed-without-session-end")
        super().lost(code)

    def perform(self, fault: Fault) -> None:
        """Do what a fault action says."""
        perform(fault, self, self.session)

    def on_closed(self) -> None:
        """Let the session wait to be resumed."""
        if self.session and self.session.connection is self:
            self.session.detach()

    def _check_keys(self, body: Body) -> None:
        kind = body["type"]
        if kind != "input.audio":
            self.log("received", type=kind, **loggable(body))
        if kind not in KEYS:
            raise Refusal("invalid_format", f"Unknown event type: {kind[:60]}", "type")
        for key in body.keys() - KEYS[kind] - {"type"}:
            self.violate(f"extra-key:{kind}.{key[:40]}")

    def _dispatch(self, body: Body) -> None:
        kind = body["type"]
        if kind in self._receivers:
            self._receivers[kind](body)
        elif self.session and self.session.ready:
            self.session.receive(body)
        elif kind == "input.audio":
            self.violate("audio-before-ready")
        else:
            self.violate(f"before-ready:{kind}")

    def _on_update(self, body: Body) -> None:
        if self.session:
            self.session.update(body.get("session"))
            return
        self.inject("update")
        if self.closed or self.frozen:
            return
        try:
            self.session = self._sessions.open(self, self.visitor, body.get("session"))
        except Refusal as refusal:
            self.refuse(refusal, first=True)

    def _on_resume(self, body: Body) -> None:
        if self.session:
            raise Refusal("invalid_format", "A session is already open.", "type")
        self.inject("update")
        if not (self.closed or self.frozen):
            self.session = self._sessions.resume(self, self.visitor, body.get("session_id"))

    def _on_end(self, _body: Body) -> None:
        self.inject("end")
        if "ignore-end" in self.service.settings.faults:
            return
        if self.session:
            self.session.finish()
        else:
            self.send("session.ended", session_duration_seconds=0.0, audio_duration_seconds=None)
            self.close(1000)


def _parsed(message: Message) -> Body:
    if isinstance(message, bytes):
        raise Refusal("invalid_format", "Binary messages are not supported.")
    try:
        body = json.loads(message)
    except ValueError:
        raise Refusal("invalid_format", "Not JSON.") from None
    if not isinstance(body, dict) or not isinstance(body.get("type"), str):
        raise Refusal("invalid_format", "Must be an object with a string `type`.", "type")
    return body
