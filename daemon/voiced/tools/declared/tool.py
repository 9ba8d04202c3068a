"""What all declared tools have in common: what the agent is told, and the check of what it sends."""

import math
from collections.abc import Mapping
from typing import Any

from voiced.agents.codec import ToolSpec
from voiced.tools.declared.parameters import Parameters

DEFAULT_TIMEOUT_S = 10

AGENT_WAITS = 1.25
"""Times as long as the tool may take: the call and the answer have to travel."""


class Declaration:
    """The part of a declared tool that is the same for every kind.

    Args:
        name: What the agent calls it.
        declared: What passed the check of the settings.

    Attributes:
        spec: What the agent is told.
        timeout_s: How long it may take.
        parameters: Takes the arguments of a call.
    """

    def __init__(self, name: str, declared: Mapping[str, Any]) -> None:
        self.timeout_s: int = declared.get("timeout_s", DEFAULT_TIMEOUT_S)
        self.parameters = Parameters(declared.get("parameters", {}))
        description = declared["description"]
        if "say_while_waiting" in declared:
            description += f' Before you call it, say: "{declared["say_while_waiting"]}"'
        self.spec = ToolSpec(
            name=name,
            description=description,
            parameters=self.parameters.schema,
            execution_mode=declared.get("execution_mode", "interactive"),
            timeout_s=agent_waits_s(self.timeout_s),
        )


def agent_waits_s(timeout_s: float) -> int:
    """Return how long an agent is to wait for a tool that may take `timeout_s`."""
    return math.ceil(AGENT_WAITS * timeout_s)
