"""The sending half of a connection: text messages, errors."""

import json
from typing import Any

from agentsim.client_connection import ClientConnection
from agentsim.workbuddy.settings import Settings

CLOSES = {
    "AUTH_TIMEOUT": 4001,
    "INVALID_AUTH": 4002,
    "AUTH_FAILED": 4003,
    "SESSION_SETUP_FAILED": 4500,
}
"""Close code after each error."""


class Sender(ClientConnection[Settings]):
    """What a session uses of the connection that carries it."""

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

    def end_session(self, reason: str) -> None:
        """Send session_ended and close."""
        self.send("session_ended", reason=reason)
        self.close(1000)
