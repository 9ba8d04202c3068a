"""What declared tools, MCP servers and the source of tokens may hold; what it means, `voiced.tools` knows."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from voiced.config.secret import TextOrSecret
from voiced.config.types import AbsolutePath
from voiced.lib.json_pointer import POINTER
from voiced.lib.sections import WholeSection, about, expect, prose

_LABEL = "[A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])?"

ToolName = Annotated[
    str, expect("letters, digits, _ and -, at most 64", pattern="^[a-zA-Z_][a-zA-Z0-9_-]{0,63}$")
]
ServerName = Annotated[
    str, expect("small letters, digits and _, at most 16", pattern="^[a-z][a-z0-9_]{0,15}$")
]
HeaderName = Annotated[
    str, expect("the name of a header", pattern="^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$")
]
Variable = Annotated[str, expect("letters, digits and _", pattern="^[A-Za-z_][A-Za-z0-9_]{0,100}$")]
MetaKey = Annotated[
    str,
    expect(
        "one like example.org/name or name, with letters, digits, . - and _",
        pattern=rf"^({_LABEL}(\.{_LABEL})*/)?[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$",
    ),
]
_META = "text of at most 200 characters, a whole number, true or false"
MetaValue = Annotated[str, expect(_META, max_length=200)] | int | bool

# Half as long as it may be once it is filled.
Address = Annotated[
    str, expect("an address like https://host/path", pattern="^https?://", max_length=4000)
]
Pointer = Annotated[str, expect("a JSON pointer like /current/temperature", pattern=f"^{POINTER}$")]
Command = Annotated[
    tuple[Annotated[str, prose(most=4000)], ...],
    expect("a list of a program and its arguments", min_length=1, max_length=100),
]
Headers = Annotated[Mapping[HeaderName, TextOrSecret], expect("headers by name")]
Variables = Annotated[Mapping[Variable, TextOrSecret], expect("variables by name")]
MOST_S = 240
"""An agent waits for 300 s at most (assemblyai.md §5), and the answer has to travel."""

Timeout = Annotated[int, msgspec.Meta(ge=1, le=MOST_S)]
Name = Annotated[str, expect("a name of at most 200 characters", min_length=1, max_length=200)]
Prompt = Annotated[str, expect("the name of a prompt, or true", min_length=1, max_length=200)]


class TokenSection(WholeSection, frozen=True, kw_only=True):
    """Where temporary tokens come from."""

    url: Address | None = None
    headers: Headers = {}
    json_pointer: Pointer | None = None
    command: Command | None = None


class ToolSection(WholeSection, frozen=True, kw_only=True):
    """What every declared tool has."""

    description: Annotated[str, prose(1, 4000), about("What it does, described for the agent.")]
    parameters: Annotated[Mapping[str, Any], about("What the agent sends: a JSON schema.")] = {}
    execution_mode: Annotated[
        Literal["interactive", "hold"], about("Whether the agent talks on, or waits in silence.")
    ] = "interactive"
    timeout_s: Annotated[Timeout, about("How long it may take.")] = 10
    say_while_waiting: Annotated[
        Annotated[str, prose(1, 200)] | None, about("What the agent says before it calls it.")
    ] = None


class HttpToolSection(ToolSection, frozen=True, kw_only=True):
    """A tool that asks a web service. `{name}` in url and json stands for a parameter."""

    url: Annotated[Address, about("The address to ask; scheme and host are fixed.")]
    method: Annotated[
        Literal["GET", "POST", "PUT", "PATCH", "DELETE"], about("The HTTP method.")
    ] = "GET"
    headers: Annotated[Headers, about("Headers to send; a reference may have a `prefix`.")] = {}
    json: Annotated[Any, expect("any value"), about("The body to send, as JSON.")] = msgspec.UNSET
    response: Annotated[
        Pointer | None, about("Which part of the answer to return; default: all.")
    ] = None


class CommandToolSection(ToolSection, frozen=True, kw_only=True):
    """A tool that runs a program, never a shell. `{name}` in an argument stands for a parameter."""

    argv: Annotated[Command, about("The program's full path, and its arguments.")]


class McpSection(WholeSection, frozen=True, kw_only=True):
    """A server at an address, or one that is a program."""

    url: Annotated[Address | None, about("Address of a server that speaks streamable HTTP.")] = None
    headers: Annotated[Headers, about("Headers to send; a reference may have a `prefix`.")] = {}
    ca_file: Annotated[
        AbsolutePath | None, about("Certificates to trust for that address (PEM).")
    ] = None
    in_clear: Annotated[bool, about("Send secrets even without TLS.")] = False
    command: Annotated[Command | None, about("The program's full path, and its arguments.")] = None
    environment: Annotated[Variables, about("What is in the program's environment.")] = {}
    allow: Annotated[
        Annotated[tuple[Name, ...], msgspec.Meta(max_length=64)] | None,
        about("Which of its tools may be used; default: all."),
    ] = None
    timeout_s: Annotated[Timeout, about("How long a call may take.")] = 20
    prompt: Annotated[
        Prompt | bool | None,
        about("The server's prompt that the agent should know; true: its only one."),
    ] = None
    meta: Annotated[
        Annotated[Mapping[MetaKey, MetaValue], expect("at most 16 values", max_length=16)],
        about("Sent with every request, as its `_meta`."),
    ] = {}
