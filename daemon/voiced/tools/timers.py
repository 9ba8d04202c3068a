"""Having the device ring: after some time, or at a time of day."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from typing import Any

from voiced.agents.codec import ToolSpec
from voiced.errors import ToolError
from voiced.ports import Alarm, Alarms, AlarmWish, Controls

LONGEST_S = 24 * 3600
FURTHEST_DAYS = 366
MAX_NAME = 60
MAX_TEXT = 300

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_UNITS = {"hours": 3600, "minutes": 60, "seconds": 1}

_DURATION = {
    "hours": {"type": "number", "description": "Hours, added to the minutes and seconds."},
    "minutes": {"type": "number", "description": "Minutes."},
    "seconds": {"type": "number", "description": "Seconds."},
}
_MOMENT = {
    "time": {"type": "string", "description": "Local time of day, 24 hours, as HH:MM."},
    "date": {
        "type": "string",
        "description": (
            "YYYY-MM-DD, today, tomorrow or an English weekday; without it the next such time."
        ),
    },
}
_NAME = {"type": "string", "description": "What the user calls it, if they gave it a name."}


class SetTimer:
    """Ring when some time has passed."""

    spec = ToolSpec(
        name="set_timer",
        description="Set a timer that rings after some time, up to 24 hours. You will be told.",
        parameters={
            "type": "object",
            "properties": {**_DURATION, "name": _NAME},
            "required": [],
        },
        timeout_s=15,
    )

    async def call(self, arguments: Mapping[str, Any], controls: Controls) -> object:
        wish = AlarmWish("timer", _text(arguments, "name", MAX_NAME), after_s=_duration(arguments))
        return shown(await alarms_of(controls).set(wish))


class SetAlarm:
    """Ring at a time of day."""

    spec = ToolSpec(
        name="set_alarm",
        description="Set an alarm that rings once, at a local time of day. You will be told.",
        parameters={
            "type": "object",
            "properties": {**_MOMENT, "name": _NAME},
            "required": ["time"],
        },
        timeout_s=15,
    )

    async def call(self, arguments: Mapping[str, Any], controls: Controls) -> object:
        alarms = alarms_of(controls)
        at = _moment(arguments, alarms.now())
        return shown(
            await alarms.set(AlarmWish("alarm", _text(arguments, "name", MAX_NAME), at=at))
        )


class RemindMe:
    """Remind the user of something, after some time or at a time of day."""

    spec = ToolSpec(
        name="remind_me",
        description=(
            "Remind the user of something later: give either hours, minutes and seconds from now, "
            "or a time. You will be told."
        ),
        parameters={
            "type": "object",
            "properties": {
                "text": {"type": "string", "description": "What to remind them of."},
                **_DURATION,
                **_MOMENT,
            },
            "required": ["text"],
        },
        timeout_s=15,
    )

    async def call(self, arguments: Mapping[str, Any], controls: Controls) -> object:
        text = _text(arguments, "text", MAX_TEXT)
        if not text:
            raise ToolError("Say what to remind the user of.")
        alarms = alarms_of(controls)
        counted = any(arguments.get(unit) is not None for unit in _UNITS)
        dated = any(arguments.get(name) is not None for name in _MOMENT)
        if counted == dated:
            raise ToolError("Give either how long from now, or a time.")
        if counted:
            return shown(
                await alarms.set(AlarmWish("reminder", text, after_s=_duration(arguments)))
            )
        at = _moment(arguments, alarms.now())
        return shown(await alarms.set(AlarmWish("reminder", text, at=at)))


def alarms_of(controls: Controls) -> Alarms:
    """Return what keeps the timers.

    Raises:
        ToolError: If nothing does.
    """
    if controls.alarms is None:
        raise ToolError("This device keeps no timers.")
    return controls.alarms


def shown(alarm: Alarm) -> dict[str, object]:
    """Return what the agent is told of an alarm."""
    return {
        "id": alarm.alarm_id,
        "kind": alarm.kind,
        "name": alarm.name,
        "rings_at": alarm.rings_at.strftime("%A %Y-%m-%d %H:%M:%S"),
        "seconds_left": round(alarm.rings_in_s),
    }


def _text(arguments: Mapping[str, Any], name: str, longest: int) -> str:
    """Return a text that was given, on one line."""
    given = arguments.get(name)
    if given is None:
        return ""
    if not isinstance(given, str):
        raise ToolError(f"The {name} must be text.")
    text = " ".join("".join(c if c.isprintable() else " " for c in given).split())
    if len(text) > longest:
        raise ToolError(f"The {name} is too long.")
    return text


def _duration(arguments: Mapping[str, Any]) -> float:
    """Return how many seconds were given."""
    total_s = 0.0
    for unit, size in _UNITS.items():
        count = arguments.get(unit)
        if count is None:
            continue
        if isinstance(count, bool) or not isinstance(count, int | float):
            raise ToolError(f"The {unit} must be a number.")
        if not 0 <= count <= LONGEST_S:
            raise ToolError(f"That number of {unit} is not possible.")
        total_s += count * size
    if not 1 <= total_s <= LONGEST_S:
        raise ToolError("It has to be between one second and 24 hours.")
    return total_s


def _moment(arguments: Mapping[str, Any], now: datetime) -> datetime:
    """Return the local time that was given, without a zone."""
    at = _time(arguments.get("time"))
    now = now.replace(tzinfo=None)
    given = arguments.get("date")
    if given is None:
        today = datetime.combine(now.date(), at)
        return today if today > now else today + timedelta(days=1)
    moment = datetime.combine(_date(given, now.date()), at)
    if moment <= now and isinstance(given, str) and given.strip().casefold() in WEEKDAYS:
        moment += timedelta(days=7)
    if moment <= now:
        raise ToolError("That time is past.")
    if moment > now + timedelta(days=FURTHEST_DAYS):
        raise ToolError("That is more than a year away.")
    return moment


def _time(given: object) -> time_of_day:
    try:
        return datetime.strptime(str(given).strip(), "%H:%M").time()  # noqa: DTZ007 - a time of day
    except ValueError:
        raise ToolError("Give the time as HH:MM, from 00:00 to 23:59.") from None


def _date(given: object, today: date) -> date:
    word = str(given).strip().casefold()
    if word in WEEKDAYS:
        return today + timedelta(days=(WEEKDAYS.index(word) - today.weekday()) % 7)
    if word in ("today", "tomorrow"):
        return today + timedelta(days=word == "tomorrow")
    try:
        return date.fromisoformat(word)
    except ValueError:
        raise ToolError("Give the date as YYYY-MM-DD, today, tomorrow or a weekday.") from None
