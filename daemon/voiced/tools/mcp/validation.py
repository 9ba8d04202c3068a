"""Checks of MCP servers beyond the schema of the settings, made before any connection."""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from importlib.util import find_spec

from voiced.config.schema_tools import McpSection
from voiced.config.secret import HEADER, NO_SECRET_HERE, TEXT, resolved
from voiced.errors import Problem
from voiced.tools.declared.url_template import address
from voiced.tools.declared.validation import (
    RESERVED,
    absent_program,
    headers,
    tells_secret_in_clear,
    whole_path,
)
from voiced.tools.mcp.spec import Server

_RESERVED_META = re.compile(r"progressToken\Z|([^/]*\.)?(modelcontextprotocol|mcp)(\.[^/]*)?/")
_SECRET = re.compile(r"TOKEN|SECRET|PASSWORD|PASSWD|KEY", re.IGNORECASE)


def check_servers(servers: Mapping[str, McpSection]) -> Iterator[Problem]:
    """Yield the problems of MCP servers."""
    for name, declared in servers.items():
        if f"{name}_".startswith(RESERVED):
            yield Problem((name,), "is reserved for the agent's own tools", "choose another")
        yield from _server(declared, name)


def absent(servers: Mapping[str, McpSection]) -> Iterator[Problem]:
    """Yield what the servers need and this device lacks, and what is risky."""
    if find_spec("mcp_types") is None:
        yield Problem((), "the MCP SDK is missing or too old", "install voiced[mcp]", here=True)
    for name, declared in servers.items():
        yield from absent_program(declared.command, (name, "command"))
        if declared.in_clear and tells_secret_in_clear(declared):
            problem = "anyone on the network can read the secret that is sent"
            yield Problem((name, "in_clear"), problem, "give the server a certificate")


def server(name: str, declared: McpSection, ca_file: str | None) -> Server:
    """Return the server of a checked section; `ca_file` is for a section without one."""
    return Server(
        name=name,
        url=declared.url,
        headers=partial(resolved, declared.headers, HEADER),
        ca_file=declared.ca_file or ca_file,
        command=declared.command or (),
        environment=partial(resolved, declared.environment, TEXT),
        allow=declared.allow,
        timeout_s=declared.timeout_s,
        prompt=declared.prompt or None,
        meta=declared.meta,
    )


def _server(declared: McpSection, name: str) -> Iterator[Problem]:
    if (declared.url is None) is (declared.command is None):
        problem = "needs either `url` or `command`"
        yield Problem((name,), problem, "a server is at an address, or is a program")
        return
    other, wrong = "command", ["environment"]
    if declared.url is None:
        other, wrong = "url", ["headers", "ca_file", "in_clear"]
    for key in wrong:
        if getattr(declared, key):
            yield Problem((name, key), f"has no effect without {other}", "remove it")
    yield from whole_path(declared.command, (name, "command"))
    yield from headers(declared.headers, (name, "headers"))
    for variable, value in declared.environment.items():
        if _SECRET.search(variable) and value.secret is None:
            yield Problem((name, "environment", variable), *NO_SECRET_HERE)
    for key in filter(_RESERVED_META.match, declared.meta):
        yield Problem((name, "meta", key), "is reserved by MCP", "choose another")
    problems = list(address(declared.url, (name, "url"))) if declared.url is not None else []
    yield from problems
    if not problems and tells_secret_in_clear(declared) and not declared.in_clear:
        problem = "would send a secret over the network in clear"
        hint = "use https://; where there is none, `in_clear: true` allows it"
        yield Problem((name, "url"), problem, hint)
