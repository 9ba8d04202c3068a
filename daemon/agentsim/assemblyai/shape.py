"""The forms an outgoing event can have: the present one, older ones, and faulty ones."""

import json
from datetime import UTC, datetime
from typing import Any

from agentsim.faults import Faults

Body = dict[str, Any]

SEED_FIELDS = {
    "session.updated": set[str](),
    "session.ready": {"session_id"},
    "session.error": {"code", "message"},
    "transcript.user.delta": {"text"},
    "transcript.user": {"text"},
    "reply.started": {"reply_id"},
    "reply.audio": {"data"},
    "transcript.agent": {"text", "interrupted"},
    "reply.done": {"status"},
    "tool.call": {"call_id", "name", "arguments"},
}
"""The fields of each event in the oldest documentation."""

OPTIONAL_FIELDS = {
    "session.ended": ("audio_duration_seconds",),
    "session.error": ("param", "session_id"),
    "transcript.user.delta": ("item_id",),
    "transcript.user": ("item_id",),
    "reply.started": ("item_id",),
    "transcript.agent.delta": ("item_id", "start_ms", "end_ms"),
    "transcript.agent": ("item_id",),
    "reply.error": ("status_code", "provider_code", "provider_param"),
}


def shaped(kind: str, fields: Body, faults: Faults) -> Body:
    """Return the event as it is sent, faults included."""
    body = dict(fields)
    if kind == "tool.call":
        _shape_arguments(body, faults)
    if "upper-case-codes" in faults and "code" in body:
        body["code"] = body["code"].upper()
    if "no-status" in faults and kind == "reply.done":
        body.pop("status", None)
    if "no-reply-id" in faults:
        body.pop("reply_id", None)
    if "seed-shape" in faults and kind in SEED_FIELDS:
        body = {name: value for name, value in body.items() if name in SEED_FIELDS[kind]}
    if "null-fields" in faults:
        body |= dict.fromkeys(OPTIONAL_FIELDS.get(kind, ()))
    if "unknown-field" in faults:
        body["x_unknown"] = {"nested": [1, None, "surprise"]}
    now = datetime.now(UTC)
    old = "iso-timestamps" in faults or "seed-shape" in faults
    return {"type": kind, "timestamp": now.isoformat() if old else now.timestamp(), **body}


def _shape_arguments(body: Body, faults: Faults) -> None:
    if "string-arguments" in faults:
        body["arguments"] = json.dumps(body["arguments"])
    if "old-arguments" in faults:
        body["args"] = body.pop("arguments")
