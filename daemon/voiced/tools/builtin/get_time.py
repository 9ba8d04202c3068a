"""The tool that tells the time."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from voiced.agents.codec import ToolSpec
from voiced.ports import Controls


class GetTime:
    """Tell the local time and date."""

    spec = ToolSpec(
        name="get_time",
        description="Tell the current local time and date. Use it whenever either matters.",
        timeout_s=10,
    )

    async def call(self, arguments: Mapping[str, Any], controls: Controls) -> object:
        now = datetime.now().astimezone()
        return {
            "time": now.strftime("%H:%M"),
            "date": now.date().isoformat(),
            "weekday": now.strftime("%A"),
            "time_zone": now.strftime("%Z"),
        }
