"""The sending half of a connection: events, errors, violations."""

import json
from typing import Any

from agentsim.assemblyai.refusal import Refusal
from agentsim.assemblyai.settings import Settings
from agentsim.assemblyai.shape import shaped
from agentsim.client_connection import ClientConnection

Body = dict[str, Any]


class Sender(ClientConnection[Settings]):
    """What a session uses of the connection that carries it."""

    def send(self, kind: str, **fields: Any) -> None:
        """Send one event."""
        body = shaped(kind, fields, self.service.settings.faults)
        if kind != "reply.audio":
            self.log("sent", type=kind, **loggable(body))
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
            session_id=self.session_id,
        )
        code = refusal.close_code(first=first)
        if code is not None:
            self.close(code, refusal.code)

    def violate(self, rule: str) -> None:
        """Count that the client broke a documented rule, in strict mode."""
        if self.service.settings.mode == "strict":
            super().violate(rule)


def loggable(body: Body) -> Body:
    """Return the fields that may be logged: ids and codes, nothing that was said."""
    names = ("reply_id", "call_id", "code", "param", "status", "interrupted", "name", "is_error")
    return {name: body[name] for name in names if name in body}
