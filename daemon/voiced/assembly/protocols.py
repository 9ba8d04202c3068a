"""From the name of an agent's protocol to the class that implements it."""

from voiced.agents import AGENTS
from voiced.agents.codec import Agent
from voiced.lib.registry import load


def agent_class(protocol: str) -> type[Agent]:
    """Return what makes the agents of `protocol`, and says what may be set of them.

    Raises:
        ConfigError: If there is no such protocol.
    """
    found: type[Agent] = load(AGENTS, protocol, "agent.protocol")
    return found
