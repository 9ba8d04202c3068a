"""What is set to ring, and what shall not."""

from collections.abc import Mapping
from typing import Any

from voiced.agents.codec import ToolSpec
from voiced.errors import ToolError
from voiced.ports import Alarm, Controls
from voiced.tools.timers import alarms_of, shown


class ListTimers:
    """Tell what is set to ring."""

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
            "one there is; all cancels every one."
        ),
        parameters={
            "type": "object",
            "properties": {
                "name": {"type": "string", "description": "Its name or id."},
                "all": {"type": "boolean", "description": "Cancel every one."},
            },
            "required": [],
        },
        timeout_s=15,
    )

    async def call(self, arguments: Mapping[str, Any], controls: Controls) -> object:
        alarms = alarms_of(controls)
        waiting = alarms.all()
        if arguments.get("all") is True:
            chosen = waiting
        else:
            chosen = [_the_one(waiting, arguments.get("name"))]
        for alarm in chosen:
            await alarms.cancel(alarm.alarm_id)
        return {"cancelled": [shown(alarm) for alarm in chosen]}


def _the_one(waiting: list[Alarm], given: object) -> Alarm:
    """Return what is meant.

    Raises:
        ToolError: If that is none, or not clear.
    """
    if given is not None and not isinstance(given, str):
        raise ToolError("The name must be text.")
    wanted = (given or "").strip().casefold()
    found = waiting
    if wanted:
        found = [each for each in waiting if wanted in (each.alarm_id, each.name.casefold())]
        found = found or [each for each in waiting if each.kind == wanted]
    if not found:
        raise ToolError("There is no such timer." if waiting else "No timer is set.")
    if len(found) > 1:
        raise ToolError(f"There are {len(found)}. Ask which one is meant, and give its id.")
    return found[0]
