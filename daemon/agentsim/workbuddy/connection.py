"""One WebSocket connection: first a token, then sound. It never says who is speaking."""

import json
from collections.abc import Callable

from agentsim.client_connection import Message
from agentsim.faults import Fault
from agentsim.stand_in import StandIn
from agentsim.workbuddy.hearing import FRAME_BYTES
from agentsim.workbuddy.sender import Sender
from agentsim.workbuddy.session import Session
from agentsim.workbuddy.settings import Settings
from agentsim.workbuddy.tokens import Tokens


class Connection(Sender):
    """The service's end of one connection.

    Attributes:
        session: The session it carries, once the token was accepted.
        early_frames: How many binary messages came before the agent was ready; only silence may.
    """

    def __init__(
        self, service: StandIn[Settings], tokens: Tokens, sessions: list[Session], number: int
    ) -> None:
        super().__init__(service, number)
        self.session: Session | None = None
        self.early_frames = 0
        self._tokens = tokens
        self._sessions = sessions
        self._waiting = service.timers.after(
            service.settings.auth_s, lambda: self.fail("AUTH_TIMEOUT", "No token came.")
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
                self.inject("audio")
            self.session.take(message)

    def perform(self, fault: Fault) -> None:
        """Do what a fault action says."""
        actions: dict[str, Callable[[], None]] = {
            "drop": self.drop,
            "half-open": self.freeze,
            "close": lambda: self.close(int(fault.number)),
            "error": lambda: self.fail(fault.text, "A fault was asked for."),
            "ended-because": lambda: self.end_session(fault.text),
            "ended": lambda: self.end_session("session_closed"),
            "unknown-type": lambda: self.send("mood", mood="curious"),
            "malformed-json": lambda: self.send_raw('{"type": "mo'),
        }
        actions[fault.name]()

    def on_closed(self) -> None:
        """End the session."""
        self.service.timers.cancel(self._waiting)
        if self.session:
            self.session.leave("ended" if self.close_code == 1000 else "gone")  # noqa: PLR2004 - clean

    def _admit(self, message: Message) -> None:
        self.service.timers.cancel(self._waiting)
        token = _token_in(message)
        self.log("received", type="token" if token else "rubbish")
        if token is None:
            self.fail("INVALID_AUTH", "The first message must be JSON with a token.")
        elif not self._tokens.redeem(token):
            self.fail("AUTH_FAILED", "The token is wrong, used or too old.")
        else:
            self.inject("update")
            self.service.timers.after(0, self._open)

    def _open(self) -> None:
        if self.closed or self.frozen:
            return
        self.session = Session(self, len(self._sessions) + 1)
        self._sessions.append(self.session)
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
        """Become ready after a delay, or never."""
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


def _token_in(message: Message) -> str | None:
    try:
        token = json.loads(message).get("token") if isinstance(message, str) else None
    except (ValueError, AttributeError):
        return None
    return token if isinstance(token, str) else None
