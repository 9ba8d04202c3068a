"""What `mcp` may hold, checked before any server is spoken to."""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from importlib.util import find_spec
from typing import Any

from voiced.config.secret import Secret
from voiced.config.tool_rules import PREFIX, header_reference, resolved
from voiced.errors import Problem
from voiced.lib import validators
from voiced.lib.validators import Path
from voiced.tools.declared.url_template import address
from voiced.tools.declared.validation import (
    MOST_S,
    RESERVED,
    absent_program,
    headers,
    tells_secret_in_clear,
)
from voiced.tools.mcp.spec import Server

DEFAULT_TIMEOUT_S = 20

_NAME = re.compile(r"[a-z][a-z0-9_]{0,15}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,100}")
_META_KEY = re.compile(
    r"([A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])?)*/)?"
    r"[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?"
)
_RESERVED_META = re.compile(r"([^/]*\.)?(modelcontextprotocol|mcp)(\.[^/]*)?/")
MOST_META = 16
_SECRET = re.compile(r"TOKEN|SECRET|PASSWORD|PASSWD|KEY", re.IGNORECASE)


def check_servers(value: Mapping[str, Any], path: Path = ()) -> Iterator[Problem]:
    """Yield what is wrong with MCP servers."""
    for name, declared in value.items():
        where = (*path, name)
        if _NAME.fullmatch(name) is None:
            hint = "take small letters, digits and _, at most 16"
            yield Problem(where, "not a name that tools can begin with", hint)
        elif f"{name}_".startswith(RESERVED):
            yield Problem(where, "is reserved for the agent's own tools", "choose another")
        yield from _server(declared, where)


def absent(value: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what the servers need and this device does not have, or should not do."""
    if find_spec("mcp_types") is None:
        yield Problem((), "the MCP SDK is missing or too old", "install voiced[mcp]", here=True)
    for name, declared in value.items():
        yield from absent_program(declared.get("command", ()), (name, "command"))
        if declared.get("in_clear") and tells_secret_in_clear(declared):
            problem = "whoever shares the network can read the secret that is sent"
            yield Problem((name, "in_clear"), problem, "give the server a certificate")


def server(name: str, declared: Mapping[str, Any], ca_file: str | None) -> Server:
    """Return the server that `declared` describes.

    Args:
        name: What the settings call it.
        declared: What passed the check.
        ca_file: Certificates to trust, if it does not say.
    """
    return Server(
        name=name,
        url=declared.get("url"),
        headers=partial(resolved, declared.get("headers", {}), f"mcp.{name}.headers"),
        ca_file=declared.get("ca_file", ca_file),
        command=tuple(declared.get("command", ())),
        environment=partial(resolved, declared.get("environment", {}), f"mcp.{name}.environment"),
        allow=declared.get("allow"),
        timeout_s=declared.get("timeout_s", DEFAULT_TIMEOUT_S),
        prompt=declared.get("prompt") or None,
        meta=declared.get("meta", {}),
    )


def _server(declared: Any, path: Path) -> Iterator[Problem]:
    problems = list(_SERVER(declared, path))
    yield from problems
    if problems:
        return
    if ("url" in declared) is ("command" in declared):
        problem = "needs either `url` or `command`"
        yield Problem(path, problem, "a server is at an address, or is a program")
        return
    wrong = ("environment",) if "url" in declared else ("headers", "ca_file", "in_clear")
    for key in wrong:
        if key in declared:
            other = "command" if "url" in declared else "url"
            yield Problem((*path, key), f"is of no use without {other}", "remove it")
    if tells_secret_in_clear(declared) and not declared.get("in_clear"):
        problem = "would send a secret over the network in clear"
        hint = "use https://; where there is none, `in_clear: true` allows it"
        yield Problem((*path, "url"), problem, hint)


def _command(value: Any, path: Path) -> Iterator[Problem]:
    problems = list(validators.list_of(validators.text(max_chars=4000), max_items=100)(value, path))
    yield from problems
    if problems:
        return
    if not value or not value[0].startswith("/"):
        hint = "write the whole path of one program, and its arguments"
        yield Problem(path, "does not begin with an absolute path", hint)
    for i, word in enumerate(value):
        if "\0" in word:
            yield Problem((*path, i), "holds a NUL", "remove it")


def _environment(value: Any, path: Path) -> Iterator[Problem]:
    if not isinstance(value, Mapping):
        yield validators.wrong_type(value, path, "a mapping")
        return
    for name, each in value.items():
        where = (*path, name)
        if not isinstance(name, str) or _VARIABLE.fullmatch(name) is None:
            yield Problem(where, "not the name of a variable", "take letters, digits and _")
        elif isinstance(each, Mapping):
            found = header_reference(each, "")
            if not isinstance(found, Secret):
                yield Problem(where, *found)
            yield from validators.text(max_chars=1000)(each.get(PREFIX, ""), (*where, PREFIX))
        elif _SECRET.search(name):
            hint = "put it into a file of its own and write {file: PATH}"
            yield Problem(where, "a secret must not stand in this file", hint)
        else:
            yield from validators.text(max_chars=4000)(each, where)


def _file(value: Any, path: Path) -> Iterator[Problem]:
    problems = list(validators.text(max_chars=1024)(value, path))
    yield from problems
    if not problems and not value.startswith("/"):
        yield Problem(path, "not an absolute path", "write it like /etc/voiced/ca.pem")


def _prompt(value: Any, path: Path) -> Iterator[Problem]:
    if not isinstance(value, bool):
        yield from validators.text(max_chars=200, may_be_empty=False)(value, path)


def _meta(value: Any, path: Path) -> Iterator[Problem]:
    if not isinstance(value, Mapping):
        yield validators.wrong_type(value, path, "a mapping")
        return
    if len(value) > MOST_META:
        yield Problem(path, f"has {len(value)} keys", f"take at most {MOST_META}")
    for key, each in value.items():
        where = (*path, key)
        if not isinstance(key, str) or _META_KEY.fullmatch(key) is None:
            hint = "write it like example.org/name or name, with letters, digits, . - and _"
            yield Problem(where, "not a key of _meta", hint)
        elif key == "progressToken" or _RESERVED_META.match(key):
            yield Problem(where, "is reserved by MCP", "choose another")
        elif not isinstance(each, bool | int):
            yield from validators.text(max_chars=200)(each, where)


_SERVER = validators.mapping(
    {
        "url": address,
        "headers": headers,
        "ca_file": _file,
        "in_clear": validators.truth(),
        "command": _command,
        "environment": _environment,
        "allow": validators.list_of(
            validators.text(max_chars=200, may_be_empty=False), max_items=64
        ),
        "timeout_s": validators.number(1, MOST_S, whole=True),
        "prompt": _prompt,
        "meta": _meta,
    }
)
