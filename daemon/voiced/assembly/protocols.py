"""What each agent's protocol says of itself: its address, and what may be set of its sessions and by whom."""

from collections.abc import Mapping
from typing import Any

from voiced.agents import AGENTS
from voiced.agents.codec import Agent
from voiced.errors import Problem
from voiced.lib.permissions import Permissions
from voiced.lib.registry import load


def agent_class(protocol: str) -> type[Agent]:
    """Return what makes the agents of `protocol`.

    Raises:
        ConfigError: If there is no such protocol.
    """
    found: type[Agent] = load(AGENTS, protocol, "agent.protocol")
    return found


def check_session(protocol: str, session: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with `agent.session` in the eyes of `protocol`.

    Raises:
        ConfigError: If there is no such protocol.
    """
    return agent_class(protocol).check_session(session)


def default_url(protocol: str) -> str | None:
    """Return where an agent of `protocol` lives unless the settings say so.

    Raises:
        ConfigError: If there is no such protocol.
    """
    return agent_class(protocol).default_url


def scheme(protocol: str) -> str:
    """Return how the address of an agent of `protocol` begins.

    Raises:
        ConfigError: If there is no such protocol.
    """
    return agent_class(protocol).scheme


def within_reach(protocol: str, session: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
    """Return what a person before the device may set of an agent's session, and where it stands.

    Raises:
        ConfigError: If there is no such protocol.
    """
    if "agent_id" in session:  # a stored agent brings its own settings
        return {}
    return agent_class(protocol).personal


def session_permissions(protocol: str) -> Permissions:
    """Return what a settings server may set of an agent's session.

    Raises:
        ConfigError: If there is no such protocol.
    """
    return agent_class(protocol).session_permissions


def takes_tools(protocol: str) -> bool:
    """Tell whether an agent of `protocol` calls tools.

    Raises:
        ConfigError: If there is no such protocol.
    """
    return agent_class(protocol).takes_tools
