"""The tool that mutes the microphone."""

from collections.abc import Mapping
from typing import Any

from voiced.agents.codec import ToolSpec
from voiced.core.events import MuteChanged
from voiced.ports import Controls


class MuteMicrophone:
    """Mute the microphone. Only a person can unmute it."""

    spec = ToolSpec(
        name="mute_microphone",
        description=(
            "Switch the microphone off, only when the user asks for it. You hear nothing from "
            "then on, and neither you nor the user's voice can switch it on again: that takes a "
            "hand on the device. Tell the user so after calling it."
        ),
        timeout_s=10,
    )

    async def call(self, arguments: Mapping[str, Any], controls: Controls) -> object:
        controls.dispatch(MuteChanged(muted=True))
        return {
            "muted": True,
            "to_unmute": "by hand: the device's mute button or page, or the command voiced mute off",
        }
