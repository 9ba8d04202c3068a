"""An MCP server as the settings describe it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

# Reads secrets each time it is called and returns names and values; raises ConfigError if one cannot be read.
Resolve = Callable[[], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Server:
    """A server, and what of it the agent may use. It has either an address or a command.

    Attributes:
        name: Its name in the settings.
        url: Its address for streamable HTTP.
        headers: HTTP headers of every request.
        ca_file: Certificates to trust besides the system's own.
        command: The program to run, for a server on standard input and output.
        environment: Additions to the minimal environment of that program.
        allow: Names of the tools that may be used; None allows all.
        timeout_s: How long a call may take.
        prompt: Which of its prompts the agent gets; True for the only one, None for none.
        meta: The `_meta` of every request: Home Assistant takes the room from it.
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
        """Its host or program name, for a log: without user, password, path and arguments."""
        if self.url is None:
            return self.command[0].rpartition("/")[2]
        parts = urlsplit(self.url)
        return (parts.hostname or "") + (f":{parts.port}" if parts.port else "")

    @property
    def away(self) -> str:
        """A sentence for the agent while there is no connection."""
        return f"{self.name} is not reachable right now."
