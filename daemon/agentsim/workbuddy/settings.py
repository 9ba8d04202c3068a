"""The settings of a stand-in WorkBuddy service."""

from dataclasses import dataclass

from agentsim.common_settings import CommonSettings


@dataclass
class Settings(CommonSettings):
    """How one stand-in behaves.

    Attributes:
        active: The kiosk is switched on; otherwise calls are answered with 403.
        token_s: How long a token is valid.
        auth_s: How long a new connection may take to send one.
        greeting: What the agent says first; empty for nothing.
    """

    active: bool = True
    token_s: float = 300.0
    auth_s: float = 10.0
    greeting: str = ""
