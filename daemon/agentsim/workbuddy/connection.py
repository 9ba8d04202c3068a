"""One WebSocket connection: a token first, then sound. Never a word about who speaks."""

import json
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from agentsim.client_connection import Message, Pipe
from agentsim.faults import Fault
from agentsim.workbuddy.hearing import FRAME_BYTES
from agentsim.workbuddy.session import Session

if TYPE_CHECKING:
    from agentsim.workbuddy.service import Service

CLOSES = {
    "AUTH_TIMEOUT": 4001,
    "INVALID_AUTH": 4002,
    "AUTH_FAILED": 4003,
    "SESSION_SETUP_FAILED": 4500,
}
"""Close code after each error."""


class Connection(Pipe):
    """The service's end of one connection.

    Attributes:
        session: What it carries, once the token was good.
        early_frames: How many pieces of sound came before the agent was ready; only silence may.
    """

    def __init__(self, service: "Service", number: int) -> None:
        super().__init__()
        self.service = service
        self.number = number
        self.session: Session | None = None
        self.early_frames = 0
        settings = service.settings
        self._waiting = service.timers.after(
            settings.auth_s, lambda: self.fail("AUTH_TIMEOUT", "No token came.")
        )

    def receive(self, message: Message) -> None:
        """Take one message from the client."""
        if self.closed or self.frozen:
            return
        if self.session is None:
            self._admit(message)
        elif isinstance(message, str):
            self.violate("text-after-the-first")
        elif not self.session.ready:
            self._take_early(message)
        else:
            if self.session.hearing.discipline.frames == 0:
                self.log("first_audio")
                self.do("audio")
            self.session.take(message)

    def lost(self, code: int | None = None) -> None:
        """Take note that the client closed the connection or is gone; idempotent."""
        if not self.closed:
            self.log("client_gone", code=code)
            self.end_pipe()

    def send(self, kind: str, **fields: Any) -> None:
        """Send one text message."""
        extra = {"mood": "curious"} if "unknown-field" in self.service.settings.faults else {}
        self.log("sent", type=kind, **{key: fields[key] for key in fields.keys() & {"reason"}})
        self.send_raw(json.dumps({"type": kind, **fields, **extra}))

    def fail(self, code: str, message: str) -> None:
        """Send an error and close; an unknown code does not close."""
        if self.closed:
            return
        self.log("failed", code=code)
        if "no-message" not in self.service.settings.faults:
            self.send("error", code=code, message=message)
        if code in CLOSES:
            self.close(CLOSES[code], code)

    def do(self, place: str) -> None:
        """Do the faulty deeds due at `place`, each after its delay."""
        for fault in self.service.settings.faults.take(place):
            self.service.timers.after(fault.delay_s, partial(self._do, fault))

    def log(self, event: str, **fields: Any) -> None:
        """Note that something happened on this connection."""
        session = self.session.id if self.session else None
        self.service.events.add(event, connection=self.number, session=session, **fields)

    def violate(self, rule: str) -> None:
        """Count that the client broke a documented rule."""
        self.service.violations += 1
        self.log("violation", rule=rule)

    def shut(self) -> None:
        """End what it carried."""
        self.service.timers.cancel(self._waiting)
        if self.session:
            self.session.leave("ended" if self.close_code == 1000 else "gone")  # noqa: PLR2004 - clean

    def _admit(self, message: Message) -> None:
        self.service.timers.cancel(self._waiting)
        token = _token_in(message)
        self.log("received", type="token" if token else "rubbish")
        if token is None:
            self.fail("INVALID_AUTH", "The first message must be JSON with a token.")
        elif not self.service.redeem(token):
            self.fail("AUTH_FAILED", "The token is wrong, used or too old.")
        else:
            self.do("update")
            self.service.timers.after(0, self._open)

    def _open(self) -> None:
        if self.closed or self.frozen:
            return
        self.session = self.service.open_session(self)
        self.send("connected")
        self._prepare()

    def _take_early(self, payload: bytes) -> None:
        self.early_frames += 1
        if any(payload):
            self.violate("words-before-ready")
        if len(payload) != FRAME_BYTES:
            self.violate("odd-sized-before-ready")
        if self.early_frames == 1 and "wait-for-sound" in self.service.settings.faults:
            self._prepare()

    def _prepare(self) -> None:
        """Be ready in its time, or never."""
        settings = self.service.settings
        if "never-ready" in settings.faults:
            return
        if "wait-for-sound" in settings.faults and not self.early_frames:
            return
        late = settings.faults.get("late-ready")
        delay_s = settings.timing.ready_s + (late.number if late else 0)
        self.service.timers.after(delay_s, self._begin)

    def _begin(self) -> None:
        if self.session and not (self.closed or self.frozen):
            self.session.begin()

    def _do(self, fault: Fault) -> None:
        if self.closed:
            return
        self.log("fault", fault=fault.name)
        deeds: dict[str, Callable[[], None]] = {
            "drop": self.drop,
            "half-open": self.freeze,
            "close": lambda: self.close(int(fault.number)),
            "error": lambda: self.fail(fault.text, "A fault was asked for."),
            "ended-because": lambda: self._end(fault.text),
            "ended": lambda: self._end("session_closed"),
            "unknown-type": lambda: self.send("mood", mood="curious"),
            "malformed-json": lambda: self.send_raw('{"type": "mo'),
        }
        deeds[fault.name]()

    def _end(self, reason: str) -> None:
        self.send("session_ended", reason=reason)
        self.close(1000)


def _token_in(message: Message) -> str | None:
    try:
        token = json.loads(message).get("token") if isinstance(message, str) else None
    except (ValueError, AttributeError):
        return None
    return token if isinstance(token, str) else None
