"""What all declared tools have in common: what the agent is told, and the check of what it sends."""

import math

from voiced.agents.codec import ToolSpec
from voiced.config.schema_tools import ToolSection
from voiced.tools.declared.parameters import Parameters

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

    def __init__(self, name: str, declared: ToolSection) -> None:
        self.timeout_s = declared.timeout_s
        self.parameters = Parameters(declared.parameters)
        description = declared.description
        if declared.say_while_waiting is not None:
            description += f' Before you call it, say: "{declared.say_while_waiting}"'
        self.spec = ToolSpec(
            name=name,
            description=description,
            parameters=self.parameters.schema,
            execution_mode=declared.execution_mode,
            timeout_s=agent_waits_s(self.timeout_s),
        )


def agent_waits_s(timeout_s: float) -> int:
    """Return how long an agent is to wait for a tool that may take `timeout_s`."""
    return math.ceil(AGENT_WAITS * timeout_s)
