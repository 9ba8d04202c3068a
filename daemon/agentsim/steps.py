"""The steps of an answer."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from agentsim.intents import spelled


@dataclass(frozen=True, slots=True)
class Say:
    """Speak; `{get_time.time}` stands for a field of a tool's result, `{text}` for the user's words."""

    text: str


@dataclass(frozen=True, slots=True)
class Repeat:
    """Play the user's own recorded words."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Be silent within a reply."""

    duration_s: float


@dataclass(frozen=True, slots=True)
class ToolOrder:
    """One tool to call."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """End the reply with these tool calls, and continue when their results have come."""

    tools: tuple[ToolOrder, ...]


@dataclass(frozen=True, slots=True)
class Break:
    """Turn a fault on, written as in `agentsim.faults`."""

    fault: str


@dataclass(frozen=True, slots=True)
class Finish:
    """End the session as the service does: session.ended, then close 1000."""


Step = Say | Repeat | Pause | Call | Break | Finish

_FIELD = re.compile(r"\{([A-Za-z0-9_-]+)(?:\.([A-Za-z0-9_-]+))?\}")


def filled(text: str, known: Mapping[str, Any]) -> str:
    """Return `text` with every `{name}` and `{name.field}` replaced by its value in `known`."""

    def spoken(match: re.Match[str]) -> str:
        value = known.get(match[1])
        if isinstance(value, dict):
            value = value.get(match[2], next(iter(value.values()), None))
        return speakable(value)

    return _FIELD.sub(spoken, text)


def speakable(value: Any) -> str:
    """Return `value` as it is spoken: times as hours and minutes, small numbers in words."""
    if value is None:
        return "unknown"
    if isinstance(value, int) and 0 <= value <= 100:  # noqa: PLR2004 - a percentage
        return spelled(value)
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return str(value)
    hour = spelled(moment.hour)
    if moment.minute == 0:
        return f"{hour} o'clock"
    return f"{hour} {'oh ' if moment.minute < 10 else ''}{spelled(moment.minute)}"  # noqa: PLR2004 - one digit
