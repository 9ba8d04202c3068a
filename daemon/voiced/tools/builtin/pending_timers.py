"""The tools that list and cancel timers, alarms and reminders."""

import re
from collections.abc import Mapping
from typing import Any

from voiced.agents.codec import ToolSpec
from voiced.errors import ToolError
from voiced.ports import Alarm, Controls
from voiced.tools.builtin.timers import alarms_of, shown
from voiced.tools.coercion import coerced

ALL = frozenset({"all", "all of them", "all timers", "every one", "everything"})
MOST_NAMED = 5

_EVERY = {"properties": {"all": {"type": "boolean"}}}
_KIND_AROUND = re.compile(r"^(the|my) | (timer|alarm|reminder)$")


class ListTimers:
    """List the timers, alarms and reminders."""

    spec = ToolSpec(
        name="list_timers",
        description="List the timers, alarms and reminders that are set, the next one first.",
        timeout_s=10,
    )

    async def call(self, arguments: Mapping[str, Any], controls: Controls) -> object:
        return {"set": [shown(alarm) for alarm in alarms_of(controls).all()]}


class CancelTimer:
    """Cancel a timer, an alarm or a reminder."""

    spec = ToolSpec(
        name="cancel_timer",
        description=(
            "Cancel a timer, an alarm or a reminder by its name or id. Without either, the only "
            "one there is."
        ),
        parameters={
            "type": "object",
            "properties": {
                "name": {
                    "type": "string",
                    "description": "Its name in the user's words, or its id; all cancels every one.",
                    "examples": ["pasta", "timer-3", "all"],
                },
            },
            "required": [],
        },
        timeout_s=15,
    )

    async def call(self, arguments: Mapping[str, Any], controls: Controls) -> object:
        alarms = alarms_of(controls)
        waiting = alarms.all()
        given = arguments.get("name")
        if given is not None and not isinstance(given, str):
            raise ToolError("The name must be text.")
        wanted = (given or "").strip().casefold()
        named = any(each.name.casefold() == wanted for each in waiting)
        if coerced(arguments, _EVERY).get("all") is True or (wanted in ALL and not named):
            chosen = waiting
        else:
            chosen = [_the_one(waiting, wanted)]
        await alarms.cancel([alarm.alarm_id for alarm in chosen])
        return {"cancelled": [shown(alarm) for alarm in chosen]}


def _the_one(waiting: list[Alarm], wanted: str) -> Alarm:
    """Return the alarm meant by a name in lower case, or without a name the only one."""
    found = waiting
    for name in dict.fromkeys((wanted, _KIND_AROUND.sub("", wanted))):
        if name:
            found = [each for each in waiting if name in (each.alarm_id, each.name.casefold())]
            found = found or [each for each in waiting if each.kind == name]
        if found:
            break
    if not waiting:
        raise ToolError("No timer is set.")
    if not found:
        raise ToolError(f"There is no such timer. There are {_listed(waiting)}.")
    if len(found) > 1:
        raise ToolError(
            f"There are {len(found)}: {_listed(found)}. Ask which one is meant, and give its id."
        )
    return found[0]


def _listed(alarms: list[Alarm]) -> str:
    """Return ids and names, of no more than are easy to listen to."""
    shown_first = [f"{each.alarm_id} {each.name}".rstrip() for each in alarms[:MOST_NAMED]]
    return ", ".join(shown_first) + (" and more" if len(alarms) > MOST_NAMED else "")
