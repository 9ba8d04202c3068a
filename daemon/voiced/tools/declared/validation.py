"""What `http_tools` and `command_tools` may hold, checked before anything of it is built."""

import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any

from voiced.config.secret import Secret
from voiced.config.tool_rules import PREFIX, header_reference
from voiced.errors import Problem
from voiced.lib import validators
from voiced.lib.json_pointer import is_pointer
from voiced.lib.validators import Check, Path
from voiced.tools.declared.parameters import SCALARS, parameters
from voiced.tools.declared.program_client import program_socket
from voiced.tools.declared.template import alone, placeholders
from voiced.tools.declared.url_template import address, is_in_clear

RESERVED = "aai_"
"""How the names of AssemblyAI's own tools begin. assemblyai.md §12"""

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
MODES = ("interactive", "hold")
MOST_S = 240
"""An agent waits for 300 s at most (assemblyai.md §5), and the answer has to travel."""

ANY_X = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_-]{0,63}")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_OURS = {
    *("host", "content-length", "content-type", "transfer-encoding", "connection", "upgrade"),
    *("accept-encoding", "expect", "te", "trailer", "cookie", "proxy-authorization"),
}


def check_http_tools(value: Mapping[str, Any], path: Path = ()) -> Iterator[Problem]:
    """Yield what is wrong with tools that ask a web service."""
    yield from _named(value, path, _http_tool)


def check_command_tools(value: Mapping[str, Any], path: Path = ()) -> Iterator[Problem]:
    """Yield what is wrong with tools that run a program."""
    yield from _named(value, path, _command_tool)


def check_token(value: Mapping[str, Any], path: Path = ()) -> Iterator[Problem]:
    """Yield what is wrong with `agent.token`: where temporary tokens come from."""
    problems = list(_TOKEN(value, path))
    yield from problems
    if problems:
        return
    if ("url" in value) == ("command" in value):
        yield Problem(path, "needs either url or command", "write one of them")
        return
    if "command" in value and "headers" in value:
        yield Problem((*path, "headers"), "goes with url", "remove it")
    for argument in value.get("command", ()):
        if any(placeholders(argument)) or "\0" in argument:
            yield Problem(
                (*path, "command"), "takes no placeholders", "write the arguments themselves"
            )
            return
    if "command" in value and not value["command"][0].startswith("/"):
        hint = "write the whole path of one program, like /usr/local/bin/voice-token"
        yield Problem((*path, "command", 0), "not a fixed absolute path", hint)
    if any(placeholders(value.get("url", ""))):
        yield Problem((*path, "url"), "takes no placeholders", "write the address itself")


def absent_programs(value: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield the programs of `command_tools` that this device does not have."""
    for name, tool in value.items():
        yield from absent_program(tool["argv"], (name, "argv"))


def absent_token_program(value: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield the program of `agent.token` if this device does not have it."""
    yield from absent_program(value.get("command", ()), ("command",))


def absent_program(argv: Sequence[str], path: Path) -> Iterator[Problem]:
    """Yield the program of the command at `path`, if there is one, that this device does not have."""
    if argv and not is_program(argv[0]):
        yield Problem((*path, 0), "no such program here", "install it", here=True)


def is_program(path: str) -> bool:
    """Tell whether this user could run what is there, or the service for programs, where there is one."""
    file = FilePath(path)
    if program_socket() is None:
        return os.access(path, os.X_OK) and not file.is_dir()
    try:
        mode = file.stat().st_mode
    except OSError:
        return False
    # To us nothing is a program: it is the same user, who may execute elsewhere what its mode allows.
    return stat.S_ISREG(mode) and bool(mode & ANY_X)


def tells_secret_in_clear(declared: Mapping[str, Any]) -> bool:
    """Tell whether a secret among the `headers` would go to the `url`, if there is one, without TLS."""
    secret = any(isinstance(each, Mapping) for each in declared.get("headers", {}).values())
    return secret and is_in_clear(declared.get("url", "https://"))


def _named(value: Mapping[str, Any], path: Path, check: Check) -> Iterator[Problem]:
    for name, tool in value.items():
        where = (*path, name)
        if _NAME.fullmatch(name) is None:
            hint = "take letters, digits, _ and -, at most 64"
            yield Problem(where, "not a name that an agent can call", hint)
        elif name.startswith(RESERVED):
            hint = f"choose one that does not begin with {RESERVED}"
            yield Problem(where, "is reserved for the agent's own tools", hint)
        yield from check(tool, where)


def _http_tool(tool: Any, path: Path) -> Iterator[Problem]:
    problems = list(_HTTP(tool, path))
    yield from problems
    if problems:
        return
    yield from _common(tool, path)
    yield from _filled(tool, path, tool["url"], (*path, "url"), scalar=True)
    if "json" in tool:
        yield from _filled_value(tool, path, tool["json"], (*path, "json"))
        if tool.get("method", "GET") == "GET":
            yield Problem((*path, "json"), "a GET has no body", "write `method: POST`")
    if tells_secret_in_clear(tool):
        problem = "would send a secret over the network in clear"
        yield Problem((*path, "url"), problem, "use https://, or send no secret")


def _command_tool(tool: Any, path: Path) -> Iterator[Problem]:
    problems = list(_COMMAND(tool, path))
    yield from problems
    if problems:
        return
    yield from _common(tool, path)
    program, *others = tool["argv"]
    where = (*path, "argv")
    if any(placeholders(program)) or not program.startswith("/"):
        hint = "write the whole path of one program, like /usr/bin/uptime"
        yield Problem((*where, 0), "not a fixed absolute path", hint)
    for i, argument in enumerate(others, 1):
        if "\0" in argument:
            yield Problem((*where, i), "holds a NUL", "remove it")
        yield from _filled(tool, path, argument, (*where, i), scalar=True)


def _common(tool: Mapping[str, Any], path: Path) -> Iterator[Problem]:
    if tool.get("execution_mode") == "hold" and "say_while_waiting" in tool:
        problem = "the agent is silent with `execution_mode: hold`"
        yield Problem((*path, "say_while_waiting"), problem, "remove one of them")


def _filled_value(tool: Any, path: Path, template: Any, where: Path) -> Iterator[Problem]:
    """Yield the placeholders anywhere in a JSON value that cannot be filled."""
    if isinstance(template, Mapping):
        for key, item in template.items():
            yield from _filled_value(tool, path, item, (*where, key))
    elif isinstance(template, list | tuple):
        for i, item in enumerate(template):
            yield from _filled_value(tool, path, item, (*where, i))
    elif isinstance(template, str):
        yield from _filled(tool, path, template, where, scalar=alone(template) is None)


def _filled(
    tool: Mapping[str, Any], path: Path, template: str, where: Path, *, scalar: bool
) -> Iterator[Problem]:
    schema = tool.get("parameters", {})
    required, known = schema.get("required", ()), schema.get("properties", {})
    for name in placeholders(template):
        at = (*path, "parameters", "properties", name)
        if name not in known:
            hint = "declare it under parameters.properties; {{x}} stands for the text {x}"
            yield Problem(where, "a placeholder that is no parameter", hint)
        elif name not in required and "default" not in known[name]:
            yield Problem(at, "is used and may be missing", "require it, or give it a default")
        elif scalar and known[name].get("type") not in SCALARS:
            hint = f"give it a type of {', '.join(SCALARS)}"
            yield Problem(at, "is part of a text and must be a single value", hint)


def headers(value: Any, path: Path) -> Iterator[Problem]:
    """Check for headers, whose values may refer to secrets."""
    if not isinstance(value, Mapping):
        yield validators.wrong_type(value, path, "a mapping")
        return
    for name, header in value.items():
        where = (*path, name)
        if _HEADER.fullmatch(name) is None or name.lower() in _OURS:
            yield Problem(where, "not a header that can be set", "remove it")
        elif isinstance(header, Mapping):
            found = header_reference(header, "")
            if not isinstance(found, Secret):
                yield Problem(where, *found)
            yield from _plain(header.get(PREFIX, ""), (*where, PREFIX))
        else:
            yield from _plain(header, where)
            if name.lower() in {"authorization", "x-api-key"}:
                hint = "put it into a file of its own and write {file: PATH}"
                yield Problem(where, "a secret must not stand in this file", hint)


def _plain(value: Any, path: Path) -> Iterator[Problem]:
    problems = list(validators.text(max_chars=1000)(value, path))
    yield from problems
    if problems:
        return
    if not value.isprintable():
        yield Problem(path, "holds characters that cannot be sent", "write one line of text")
    elif any(placeholders(value)):
        yield Problem(path, "headers take no placeholders", "use url or json")


def _pointer(value: Any, path: Path) -> Iterator[Problem]:
    if not isinstance(value, str):
        yield validators.wrong_type(value, path, "text")
    elif not is_pointer(value):
        yield Problem(path, "not a JSON pointer", "write it like /current/temperature")


def _argv(value: Any, path: Path) -> Iterator[Problem]:
    yield from validators.list_of(validators.text(max_chars=4000), max_items=100)(value, path)
    if isinstance(value, list | tuple) and not value:
        yield Problem(path, "must not be empty", "write the program and its arguments")


_SHARED: Mapping[str, Callable[[Any, Path], Iterator[Problem]]] = {
    "description": validators.text(max_chars=4000, may_be_empty=False),
    "parameters": parameters,
    "execution_mode": validators.one_of(*MODES),
    "timeout_s": validators.number(1, MOST_S, whole=True),
    "say_while_waiting": validators.text(max_chars=200, may_be_empty=False),
}
_HTTP = validators.mapping(
    {
        **_SHARED,
        "method": validators.one_of(*METHODS),
        "url": address,
        "headers": headers,
        "json": validators.json_value,
        "response": _pointer,
    },
    required=("description", "url"),
)
_COMMAND = validators.mapping({**_SHARED, "argv": _argv}, required=("description", "argv"))
_TOKEN = validators.mapping(
    {"url": address, "headers": headers, "json_pointer": _pointer, "command": _argv}
)
