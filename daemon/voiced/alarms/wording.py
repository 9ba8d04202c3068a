"""Instructions for the agent when an alarm rings; the agent chooses the words for the user."""

from datetime import datetime

LATE_S = 30.0
"""A shorter delay is not mentioned."""

_IN_ONE_SENTENCE = "Tell the user so now, in one short sentence, in their language."

_UNITS = (("hour", 3600), ("minute", 60), ("second", 1))


def instructions(kind: str, name: str, when: float | datetime, late_s: float) -> str:
    """Return the instructions for one alarm.

    Args:
        kind: `timer`, `alarm` or `reminder`.
        name: The user's name for it, or the subject of a reminder; may be empty.
        when: The duration of a timer in seconds, or the time of day.
        late_s: How late it is.
    """
    called = f" “{name}”" if name else ""
    time = f"{when:%H:%M}" if isinstance(when, datetime) else duration(when)
    match kind:
        case "timer":
            fact = f"The timer{called} for {time} is over."
        case "alarm":
            fact = f"The alarm{called} that the user set for {time} rings."
        case _:
            fact = f"The user asked to be reminded now of this:{called}."
    late = f" It is {duration(late_s)} late: say that too." if late_s > LATE_S else ""
    return f"{fact}{late} {_IN_ONE_SENTENCE}"


def duration(seconds: float) -> str:
    """Return a duration in English, in its two largest units."""
    rest, parts = max(round(seconds), 0), []
    for unit, size in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}" if count == 1 else f"{count} {unit}s")
    return " ".join(parts[:2]) or "0 seconds"
