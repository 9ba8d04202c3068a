"""Messages to the agent as text, and fields of messages that may be malformed."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from voiced.agents.codec import Item
from voiced.agents.json_messages import Body, MalformedError, json_text, read_object

MAX_ID_CHARS = 256  # ids are opaque and short
LONGEST_REPLY_MS = 3_600_000
LATEST_S = 1e12  # since 1970; no clock is that far ahead

# Reads one message and the time of its arrival in seconds; may raise MalformedError.
Reading = Callable[[Body, float], list[Item]]


def frame(kind: str, **fields: object) -> str:
    """Return the message `kind` with these fields."""
    return json_text({"type": kind, **fields})


def encodable(text: str) -> str:
    """Return `text` with what UTF-8 cannot hold (lone surrogates) replaced."""
    return text.encode("utf-8", "replace").decode()


def id_or_none(body: Body, key: str) -> str | None:
    """Return the id at `key`, or None if the agent left it out.

    Raises:
        MalformedError: If it is anything but a short text.
    """
    value = body.get(key)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > MAX_ID_CHARS:
        raise MalformedError(f"without a usable {key}")
    return value


def id_in(body: Body, key: str) -> str:
    """Return the id at `key`.

    Raises:
        MalformedError: If there is none.
    """
    value = id_or_none(body, key)
    if value is None:
        raise MalformedError(f"without a usable {key}")
    return value


def offset_or_none(body: Body, key: str) -> float | None:
    """Return the offset at `key` in ms; None if it is missing or makes no sense."""
    value = body.get(key)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if 0 <= value <= LONGEST_REPLY_MS else None


def lifetime_in(ready: Body) -> float | None:
    """Return the seconds a session has left by the agent's own clock; None if it does not tell.

    Raises:
        MalformedError: If what it tells makes no sense.
    """
    expires, now = ready.get("expires_at"), ready.get("timestamp")
    if expires is None or now is None:
        return None
    if isinstance(now, str):
        try:
            now = datetime.fromisoformat(now).timestamp()
        except ValueError:
            now = None
    if not (_is_time(expires) and _is_time(now)) or expires <= now:
        raise MalformedError("without a usable expires_at")
    return float(expires - now)


def _is_time(value: object) -> bool:
    # False for NaN and infinity, and it compares whole numbers too large for a float.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LATEST_S


def arguments_in(call: Body) -> dict[str, Any]:
    """Return the arguments of a tool call, sent as an object or as its JSON text.

    Raises:
        MalformedError: If they are anything else.
    """
    arguments = call.get("arguments")
    if arguments is None:
        arguments = call.get("args")  # very old servers
    if arguments is None or arguments == "":
        return {}
    if isinstance(arguments, str):
        return read_object(arguments)
    if not isinstance(arguments, dict):
        raise MalformedError("whose arguments are not an object")
    return arguments
