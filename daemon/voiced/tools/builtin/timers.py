"""The tools that set timers, alarms and reminders."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from voiced.agents.codec import ToolSpec
from voiced.core.moments import WEEKDAYS
from voiced.errors import ToolError
from voiced.ports import Alarm, Alarms, AlarmWish, Controls
from voiced.tools.builtin.spoken_times import duration_of, moment_of, number_of

LONGEST_S = 24 * 3600
FURTHEST_DAYS = 366
MAX_NAME = 60
MAX_TEXT = 300

_UNITS = {"hours": 3600, "minutes": 60, "seconds": 1}  # arguments that some agents send instead

_DURATION = {
    "duration": {
        "type": "string",
        "description": "How long from now, in the user's own words.",
        "examples": ["five minutes", "1 hour 30 minutes", "half an hour", "90 seconds"],
    },
}
_MOMENT = {
    "time": {
        "type": "string",
        "description": (
            "The local time of day in the user's own words, with morning, evening, am or pm if "
            "they said so."
        ),
        "examples": ["7:30", "half past seven in the evening", "7 pm", "19:30", "noon"],
    },
    "date": {
        "type": "string",
        "description": "The day in the user's own words, if they said one; without it the next such time.",
        "examples": ["tomorrow", "Monday", "24 December", "2026-12-24"],
    },
}
_NAME = {"type": "string", "description": "What the user calls it, if they gave it a name."}

_SAY_DURATION = "Give the duration as it was said, like 5 minutes or an hour and a half"
_SAY_TIME = (
    "Give the time as it was said, like 7:30 pm or half past seven in the morning, and the date "
    "like tomorrow, Monday or 2026-12-24"
)


class SetTimer:
    """Ring when some time has passed."""

    spec = ToolSpec(
        name="set_timer",
        description="Set a timer that rings after some time, up to 24 hours. You will be told.",
        parameters={
            "type": "object",
            "properties": {**_DURATION, "name": _NAME},
            "required": ["duration"],
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
        at, day = _moment(arguments, alarms.now())
        name = _text(arguments, "name", MAX_NAME)
        return shown(await alarms.set(AlarmWish("alarm", name, at=at, day=day)))


class RemindMe:
    """Remind the user of something, after some time or at a time of day."""

    spec = ToolSpec(
        name="remind_me",
        description=(
            "Remind the user of something later: give either the duration from now, or a time. "
            "You will be told."
        ),
        parameters={
            "type": "object",
            "properties": {
                "text": {
                    "type": "string",
                    "description": "What to remind them of, in their words.",
                },
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
        counted = any(_is_given(arguments, name) for name in ("duration", *_UNITS))
        if counted == any(_is_given(arguments, name) for name in _MOMENT):
            raise ToolError("Give either a duration, like 5 minutes, or a time, like 7:30 pm.")
        if counted:
            return shown(
                await alarms.set(AlarmWish("reminder", text, after_s=_duration(arguments)))
            )
        at, day = _moment(arguments, alarms.now())
        return shown(await alarms.set(AlarmWish("reminder", text, at=at, day=day)))


def alarms_of(controls: Controls) -> Alarms:
    """Return the alarms of the device.

    Raises:
        ToolError: If it has none.
    """
    if controls.alarms is None:
        raise ToolError("This device keeps no timers.")
    return controls.alarms


def shown(alarm: Alarm) -> dict[str, object]:
    """Return an alarm as the agent sees it."""
    return {
        "id": alarm.alarm_id,
        "kind": alarm.kind,
        "name": alarm.name,
        "rings_at": alarm.rings_at.strftime("%A %Y-%m-%d %H:%M:%S"),
        "seconds_left": round(alarm.rings_in_s),
    }


def _text(arguments: Mapping[str, Any], name: str, longest: int) -> str:
    """Return the text of an argument, on one line; empty if it is missing."""
    given = arguments.get(name)
    if given is None:
        return ""
    if not isinstance(given, str):
        raise ToolError(f"The {name} must be text.")
    text = " ".join("".join(c if c.isprintable() else " " for c in given).split())
    if len(text) > longest:
        raise ToolError(f"The {name} is too long.")
    return text


def _is_given(arguments: Mapping[str, Any], name: str) -> bool:
    return arguments.get(name) not in (None, "")


def _said(arguments: Mapping[str, Any], name: str) -> str:
    """Return an argument that may be words or a number as text; empty if it is missing."""
    given = arguments.get(name)
    if given is None:
        return ""
    if isinstance(given, str):
        return given
    if isinstance(given, bool) or not isinstance(given, int | float) or not abs(given) <= LONGEST_S:
        raise ToolError(f"The {name} must be text, as it was said.")
    return f"{given:.15g}"


def _duration(arguments: Mapping[str, Any]) -> float:
    """Return the duration in seconds, from words or counts; if both are given, they must agree."""
    said_s = counted_s = 0.0
    if said := _said(arguments, "duration"):
        found = duration_of(said)
        if found is None:
            raise ToolError(f"{_SAY_DURATION}.")
        said_s = found
    for unit, size in _UNITS.items():
        if not (said := _said(arguments, unit)):
            continue
        count = number_of(said)
        if count is None:
            raise ToolError(f"The {unit} must be a number. {_SAY_DURATION}.")
        counted_s += count * size
    if said_s and counted_s and abs(said_s - counted_s) >= 1:
        raise ToolError(f"The duration was given twice, and not as the same. {_SAY_DURATION}.")
    total_s = said_s or counted_s
    if not 1 <= total_s <= LONGEST_S:
        raise ToolError(f"It has to be between one second and 24 hours. {_SAY_DURATION}.")
    return total_s


def _moment(arguments: Mapping[str, Any], now: datetime) -> tuple[datetime, str]:
    """Return the local time without a zone, and the word for its day, as `moment_of` does."""
    now = now.replace(tzinfo=None)
    found = moment_of(_said(arguments, "time"), now, _said(arguments, "date"))
    if found is None:
        raise ToolError(f"{_SAY_TIME}.")
    moment, day = found
    if moment <= now and day in WEEKDAYS:
        moment += timedelta(days=7)
    if moment <= now:
        raise ToolError("That time is past. Ask the user which day is meant.")
    if moment > now + timedelta(days=FURTHEST_DAYS):
        raise ToolError("That is more than a year away.")
    return moment, day
