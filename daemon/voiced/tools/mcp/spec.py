"""An MCP server, as the settings describe it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

Resolve = Callable[[], Mapping[str, str]]
"""Returns names and values that may hold secrets, read now.

Raises:
    ConfigError: If a secret cannot be read.
"""


@dataclass(frozen=True, slots=True)
class Server:
    """Where a server is, and what of it is wanted. It has an address, or a command.

    Attributes:
        name: What the settings call it.
        url: Its address for streamable HTTP.
        headers: What is sent along with every request.
        ca_file: Certificates to trust there besides the system's own.
        command: What to run, for a server that speaks through its standard streams.
        environment: What is in its environment, besides very little.
        allow: Names of the tools that may be used; None allows all.
        timeout_s: How long a call may take.
        prompt: Which of its prompts the agent is to know, or True for the only one; None for none.
        meta: What is sent along with every request, as its `_meta`: Home Assistant takes the room from it.
    """

    name: str
    url: str | None = field(default=None, repr=False)
    headers: Resolve = field(default=dict, repr=False)
    ca_file: str | None = None
    command: Sequence[str] = field(default=(), repr=False)
    environment: Resolve = field(default=dict, repr=False)
    allow: Sequence[str] | None = None
    timeout_s: int = 20
    prompt: str | Literal[True] | None = None
    meta: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def place(self) -> str:
        """Where it is, fit for a log: no user, no password, no path, no arguments."""
        if self.url is None:
            return self.command[0].rpartition("/")[2]
        parts = urlsplit(self.url)
        return (parts.hostname or "") + (f":{parts.port}" if parts.port else "")

    @property
    def away(self) -> str:
        """What the agent can say while there is no connection."""
        return f"{self.name} is not reachable right now."
