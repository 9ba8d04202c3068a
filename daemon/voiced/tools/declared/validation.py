"""Checks of declared tools beyond the schema of the settings, made before any tool is built."""

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any

from msgspec import UNSET

from voiced.config.schema_tools import (
    CommandToolSection,
    HttpToolSection,
    McpSection,
    TokenSection,
    ToolSection,
)
from voiced.config.secret import NO_SECRET_HERE, PREFIX, TextOrSecret
from voiced.errors import Problem
from voiced.lib.section_check import Path
from voiced.tools.declared.parameters import SCALARS, parameters
from voiced.tools.declared.program_client import program_socket
from voiced.tools.declared.template import alone, placeholders
from voiced.tools.declared.url_template import address, is_in_clear

RESERVED = "aai_"  # prefix of AssemblyAI's own tools; assemblyai.md §12
ANY_X = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH

# Headers that we or the HTTP library set, or that would change how it sends or reads.
_OURS = {
    *("host", "content-length", "content-type", "transfer-encoding", "connection", "upgrade"),
    *("accept-encoding", "expect", "te", "trailer", "cookie", "proxy-authorization"),
}


def check_http_tools(tools: Mapping[str, HttpToolSection]) -> Iterator[Problem]:
    """Yield the problems of tools that call a web service."""
    for name, tool in tools.items():
        problems = [
            *_common(tool, (name,)),
            *headers(tool.headers, (name, "headers")),
            *address(tool.url, (name, "url")),
        ]
        yield from problems
        if problems:
            continue
        yield from _filled(tool, name, tool.url, (name, "url"))
        yield from _filled_value(tool, name, tool.json, (name, "json"))
        if tool.json is not UNSET and tool.method == "GET":
            yield Problem((name, "json"), "a GET has no body", "write `method: POST`")
        if tells_secret_in_clear(tool):
            problem = "would send a secret over the network in clear"
            yield Problem((name, "url"), problem, "use https://, or send no secret")


def check_command_tools(tools: Mapping[str, CommandToolSection]) -> Iterator[Problem]:
    """Yield the problems of tools that run a program."""
    for name, tool in tools.items():
        problems = [*_common(tool, (name,)), *whole_path(tool.argv, (name, "argv"))]
        yield from problems
        for i, argument in enumerate(tool.argv if not problems else ()):
            yield from _filled(tool, name, argument, (name, "argv", i))


def check_token(token: TokenSection) -> Iterator[Problem]:
    """Yield the problems of `agent.token`, the source of temporary tokens."""
    if (token.url is None) == (token.command is None):
        yield Problem((), "needs either url or command", "write one of them")
        return
    if token.url is not None:
        yield from address(token.url, ("url",))
        yield from headers(token.headers, ("headers",))
        if any(placeholders(token.url)):
            yield Problem(("url",), "takes no placeholders", "write the address itself")
    elif token.headers:
        yield Problem(("headers",), "has no effect without url", "remove it")
    elif any(placeholders(token.command)):
        yield Problem(("command",), "takes no placeholders", "write the arguments themselves")
    yield from whole_path(token.command, ("command",))


def whole_path(command: Sequence[str] | None, path: Path) -> Iterator[Problem]:
    """Yield a problem if the command at `path` has a program without a fixed absolute path."""
    if command and (any(placeholders(command[0])) or not command[0].startswith("/")):
        hint = "write the full path of one program, like /usr/bin/uptime"
        yield Problem((*path, 0), "not a fixed absolute path", hint)


def absent_programs(tools: Mapping[str, CommandToolSection]) -> Iterator[Problem]:
    """Yield the programs of `command_tools` that this device does not have."""
    for name, tool in tools.items():
        yield from absent_program(tool.argv, (name, "argv"))


def absent_token_program(token: TokenSection) -> Iterator[Problem]:
    """Yield the program of `agent.token` if this device does not have it."""
    yield from absent_program(token.command, ("command",))


def absent_program(argv: Sequence[str] | None, path: Path) -> Iterator[Problem]:
    """Yield a problem if this device does not have the program of the command at `path`."""
    if argv and not is_program(argv[0]):
        yield Problem((*path, 0), "no such program here", "install it", here=True)


def is_program(path: str) -> bool:
    """Return whether this user, or the program service if there is one, could run the file at `path`."""
    file = FilePath(path)
    if program_socket() is None:
        return os.access(path, os.X_OK) and not file.is_dir()
    try:
        mode = file.stat().st_mode
    except OSError:
        return False
    # The sandbox lets this process execute nothing, but the service runs as the same user without
    # it: so the file's mode decides.
    return stat.S_ISREG(mode) and bool(mode & ANY_X)


def tells_secret_in_clear(declared: HttpToolSection | McpSection) -> bool:
    """Return whether a secret header would be sent to the `url`, if there is one, without TLS."""
    secret = any(value.secret is not None for value in declared.headers.values())
    return secret and declared.url is not None and is_in_clear(declared.url)


def _common(tool: ToolSection, path: Path) -> Iterator[Problem]:
    if str(path[0]).startswith(RESERVED):
        hint = f"choose one that does not begin with {RESERVED}"
        yield Problem(path, "is reserved for the agent's own tools", hint)
    yield from parameters(tool.parameters, (*path, "parameters"))
    if tool.execution_mode == "hold" and tool.say_while_waiting is not None:
        problem = "the agent is silent with `execution_mode: hold`"
        yield Problem((*path, "say_while_waiting"), problem, "remove one of them")


def _filled_value(tool: ToolSection, name: str, template: Any, where: Path) -> Iterator[Problem]:
    """Yield the placeholders anywhere in a JSON value that cannot be filled."""
    if isinstance(template, Mapping):
        for key, item in template.items():
            yield from _filled_value(tool, name, item, (*where, key))
    elif isinstance(template, list | tuple):
        for i, item in enumerate(template):
            yield from _filled_value(tool, name, item, (*where, i))
    elif isinstance(template, str):
        yield from _filled(tool, name, template, where, is_scalar=alone(template) is None)


def _filled(
    tool: ToolSection, name: str, template: str, where: Path, *, is_scalar: bool = True
) -> Iterator[Problem]:
    required = tool.parameters.get("required", ())
    known = tool.parameters.get("properties", {})
    for each in placeholders(template):
        at = (name, "parameters", "properties", each)
        if each not in known:
            hint = "declare it under parameters.properties; {{x}} stands for the text {x}"
            yield Problem(where, "a placeholder that is not a parameter", hint)
        elif each not in required and "default" not in known[each]:
            yield Problem(at, "is used but may be missing", "require it, or give it a default")
        elif is_scalar and known[each].get("type") not in SCALARS:
            hint = f"give it a type of {', '.join(SCALARS)}"
            yield Problem(at, "is part of a text and must be a single value", hint)


def headers(values: Mapping[str, TextOrSecret], path: Path) -> Iterator[Problem]:
    """Yield the problems of headers, whose values may refer to secrets."""
    for name, value in values.items():
        where = (*path, name)
        is_secret = value.secret is not None
        if name.lower() in _OURS:
            yield Problem(where, "not a header that can be set", "remove it")
        elif not value.text.isprintable():
            at = (*where, PREFIX) if is_secret else where
            yield Problem(at, "contains characters that cannot be sent", "write one line of text")
        elif any(placeholders(value.text)):
            yield Problem(where, "headers take no placeholders", "use url or json")
        elif name.lower() in {"authorization", "x-api-key"} and not is_secret:
            yield Problem(where, *NO_SECRET_HERE)
