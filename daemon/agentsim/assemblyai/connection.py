"""One WebSocket connection, without the socket: messages in, messages out, how it closed."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from agentsim.assemblyai.credentials import Visitor
from agentsim.assemblyai.fault_actions import do_deeds
from agentsim.assemblyai.refusal import Refusal
from agentsim.assemblyai.shape import shaped
from agentsim.client_connection import Message, Pipe

if TYPE_CHECKING:
    from agentsim.assemblyai.service import Service
    from agentsim.assemblyai.session import AgentSession

Body = dict[str, Any]

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


class Connection(Pipe):
    """The service's end of one connection. Iterate over it for the messages it sends.

    Attributes:
        visitor: Whose credential opened it.
        session: The session it carries, once there is one.
    """

    def __init__(self, service: "Service", number: int, visitor: Visitor) -> None:
        super().__init__()
        self.service = service
        self.number = number
        self.visitor = visitor
        self.session: AgentSession | None = None
        self._receivers: dict[str, Callable[[Body], None]] = {
            "session.update": self._on_update,
            "session.resume": self._on_resume,
            "session.end": self._on_end,
        }

    def receive(self, message: Message) -> None:
        """Take one message from the client; what is wrong with it is answered, never raised."""
        if self.closed or self.frozen:
            return
        try:
            body = _parsed(message)
            self._check_keys(body)
            self._dispatch(body)
        except Refusal as refusal:
            self.refuse(refusal)

    def lost(self, code: int | None = None) -> None:
        """Take note that the client closed the connection or is gone; idempotent."""
        if not self.closed:
            self.log("client_gone", code=code)
            if self.session and not self.frozen:
                self.violate("closed-without-session-end")
            self.end_pipe()

    def send(self, kind: str, **fields: Any) -> None:
        """Send one event."""
        body = shaped(kind, fields, self.service.settings.faults)
        if kind != "reply.audio":
            self.log("sent", type=kind, **_telling(body))
        self.send_raw(json.dumps(body))

    def refuse(self, refusal: Refusal, *, first: bool = False) -> None:
        """Send session.error, and close if that error is fatal."""
        if refusal.code.startswith("invalid_"):
            self.violate(refusal.code)
        self.send(
            "session.error",
            code=refusal.code,
            message=refusal.message,
            param=refusal.param,
            session_id=self.session.id if self.session else None,
        )
        code = refusal.close_code(first=first)
        if code is not None:
            self.close(code, refusal.code)

    def do(self, place: str) -> None:
        """Do the faulty deeds due at `place`."""
        do_deeds(self, place)

    def log(self, event: str, **fields: Any) -> None:
        """Note that something happened on this connection."""
        session = self.session.id if self.session else None
        self.service.events.add(event, connection=self.number, session=session, **fields)

    def violate(self, rule: str) -> None:
        """Count that the client broke a documented rule; only strict mode minds."""
        if self.service.settings.mode == "strict":
            self.service.violations += 1
            self.log("violation", rule=rule)

    def shut(self) -> None:
        """Tell the service; a session may wait to be resumed."""
        self.service.connection_closed(self)

    def _check_keys(self, body: Body) -> None:
        kind = body["type"]
        if kind != "input.audio":
            self.log("received", type=kind, **_telling(body))
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
        self.do("update")
        if self.closed or self.frozen:
            return
        try:
            self.service.open_session(self, body.get("session"))
        except Refusal as refusal:
            self.refuse(refusal, first=True)

    def _on_resume(self, body: Body) -> None:
        if self.session:
            raise Refusal("invalid_format", "A session is already open.", "type")
        self.do("update")
        if not (self.closed or self.frozen):
            self.service.resume_session(self, body.get("session_id"))

    def _on_end(self, _body: Body) -> None:
        self.do("end")
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


def _telling(body: Body) -> Body:
    """Return the fields worth logging: ids and codes, never what anybody said."""
    names = ("reply_id", "call_id", "code", "param", "status", "interrupted", "name", "is_error")
    return {name: body[name] for name in names if name in body}
