"""The tool that ends the conversation."""

from collections.abc import Mapping
from typing import Any

from voiced.agents.codec import ToolSpec
from voiced.core.events import EndRequested
from voiced.ports import Controls


class EndConversation:
    """End the conversation once the agent has said its last words."""

    spec = ToolSpec(
        name="end_conversation",
        description=(
            "End the conversation when the user says goodbye or wants nothing more. "
            "Say a short goodbye after calling it."
        ),
        timeout_s=10,
    )

    async def call(self, arguments: Mapping[str, Any], controls: Controls) -> object:
        controls.dispatch(EndRequested(after_reply=True))
        return {"ok": True}
