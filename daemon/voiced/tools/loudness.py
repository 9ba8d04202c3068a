"""How loud the agent speaks."""

from collections.abc import Mapping
from typing import Any

from voiced.agents.codec import ToolSpec
from voiced.errors import ToolError
from voiced.ports import Controls

LOUDEST = 100


class SetVolume:
    """Set the volume, or turn it up or down."""

    spec = ToolSpec(
        name="set_volume",
        description=(
            "Set how loud you speak: give either percent, or change to turn it up (positive) "
            "or down (negative)."
        ),
        parameters={
            "type": "object",
            "properties": {
                "percent": {
                    "type": "integer",
                    "description": "New volume, 0 (silent) to 100.",
                },
                "change": {
                    "type": "integer",
                    "description": "Difference to the present volume, -100 to 100.",
                },
            },
            "required": [],
        },
        timeout_s=10,
    )

    async def call(self, arguments: Mapping[str, Any], controls: Controls) -> object:
        percent, change = arguments.get("percent"), arguments.get("change")
        if (percent is None) == (change is None):
            raise ToolError("Give either percent or change.")
        wanted = percent if change is None else change
        if isinstance(wanted, bool) or not isinstance(wanted, int):
            raise ToolError("The volume must be a whole number.")
        if change is not None:
            wanted += controls.volume
        elif not 0 <= wanted <= LOUDEST:
            raise ToolError("The volume goes from 0 to 100.")
        controls.volume = min(LOUDEST, max(0, wanted))
        return {"percent": controls.volume}
