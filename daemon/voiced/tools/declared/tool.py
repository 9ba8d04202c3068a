"""What all declared tools have in common: their description for the agent, and the check of arguments."""

import math

from voiced.agents.codec import ToolSpec
from voiced.config.schema_tools import ToolSection
from voiced.tools.declared.parameters import Parameters

AGENT_WAITS = 1.25  # times the tool's own timeout: the call and the result have to travel


class Declaration:
    """The part of a declared tool that is the same for every kind.

    Args:
        name: Its name for the agent.
        declared: Its section of the settings, checked.

    Attributes:
        spec: Its description for the agent.
        timeout_s: How long a call may take.
        parameters: Checks the arguments of a call.
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
    """Return how long the agent must wait for a tool that may take `timeout_s`."""
    return math.ceil(AGENT_WAITS * timeout_s)
