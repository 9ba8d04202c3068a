"""The tool that lists timers, alarms and reminders."""

from collections.abc import Mapping
from typing import Any

from voiced.agents.codec import ToolSpec
from voiced.ports import Controls
from voiced.tools.builtin.timers import alarms_of, shown


class ListTimers:
    """List the timers, alarms and reminders."""

    spec = ToolSpec(
        name="list_timers",
        description="List the timers, alarms and reminders that are set, the next one first.",
        timeout_s=10,
    )

    async def call(self, arguments: Mapping[str, Any], controls: Controls) -> object:
        return {"set": [shown(alarm) for alarm in alarms_of(controls).all()]}
