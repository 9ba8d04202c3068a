"""The settings of what the agent may do: names that clash, and what is allowed but has no effect."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from voiced.config.schema import Settings
from voiced.config.secret import Secret, TextOrSecret, rule_at
from voiced.config.yaml_document import Document, KeyPath
from voiced.errors import ConfigError, Problem
from voiced.lib.printable import hidden
from voiced.lib.sections import suggestion

DECLARING = ("http_tools", "command_tools")
"""Settings that declare tools by name. Each has a row in the tables of `voiced.assembly.tools`."""

CHECKED = (*DECLARING, "mcp")
"""The same, and the one that names servers which bring tools."""

Look = Callable[[str, Any], Sequence[Problem]]
"""Takes one of `CHECKED`, or `agent.token`, and what it holds; returns what there is to say about that."""


def misdeclared(settings: Settings, built_in: Collection[str], check: Look) -> Iterator[Problem]:
    """Yield what is wrong with the tools that the settings name or declare.

    Args:
        settings: All of them.
        built_in: The names of the tools that come with voiced.
        check: Finds what is wrong with declarations.
    """
    listed: set[str] = set()
    for i, name in enumerate(settings.tools):
        if name not in built_in:
            unknown = "unknown tool", suggestion(name, built_in)
            yield Problem(("tools", i), *(hidden(name) or unknown))
        elif name in listed:
            yield Problem(("tools", i), "listed twice", "remove one of them")
        listed.add(name)
    taken = dict.fromkeys(built_in, "a built-in tool has this name")
    for key in DECLARING:
        for name in getattr(settings, key):
            if name in taken:
                yield Problem((key, name), taken[name], "choose another")
        taken |= dict.fromkeys(getattr(settings, key), f"a tool of {key} has this name")
    for key in CHECKED:
        yield from _below((key,), check(key, getattr(settings, key)))


def without_effect(settings: Settings, document: Document, takes_tools: bool) -> Iterator[Problem]:  # noqa: FBT001 - a fact about the agent
    """Yield the tools that were written down for an agent that takes none."""
    if takes_tools:
        return
    for key in ("tools", *CHECKED):
        if (key,) in document.places and getattr(settings, key):
            problem = f"has no effect: {settings.agent.protocol} takes no tools"
            yield Problem((key,), problem, "remove it")


def lacking(settings: Settings, look: Look) -> Iterator[Problem]:
    """Yield what declared tools need and this device does not have; it can talk all the same."""
    for key in CHECKED:
        yield from _below((key,), look(key, getattr(settings, key)))
    yield from _below(("agent", "token"), look("agent.token", settings.agent.token))
    yield from unresolved(header_secrets(settings))


def unresolved(secrets: Iterable[tuple[KeyPath, Secret]]) -> Iterator[Problem]:
    """Yield what is wrong on this machine with secrets, and where they are referred to."""
    for path, secret in secrets:
        try:
            secret.resolve(rule_at(".".join(map(str, path))))
        except ConfigError as error:
            yield Problem(path, error.problem, error.hint, here=True)


def header_secrets(settings: Settings) -> Iterator[tuple[KeyPath, Secret]]:
    """Yield every secret that tools and their servers are given, and where it is referred to."""
    for key, part in (("http_tools", "headers"), ("mcp", "headers"), ("mcp", "environment")):
        for name, declared in getattr(settings, key).items():
            yield from _secrets_in(getattr(declared, part), (key, name, part))


def token_secrets(settings: Settings) -> Iterator[tuple[KeyPath, Secret]]:
    """Yield the secrets in the headers with which a token is asked for, and where they are referred to."""
    if settings.agent.token is not None:
        yield from _secrets_in(settings.agent.token.headers, ("agent", "token", "headers"))


def _secrets_in(
    values: Mapping[str, TextOrSecret], path: KeyPath
) -> Iterator[tuple[KeyPath, Secret]]:
    for name, value in values.items():
        if value.secret is not None:
            yield (*path, name), value.secret


def _below(path: KeyPath, found: Sequence[Problem]) -> Iterator[Problem]:
    for problem in found:
        yield replace(problem, path=(*path, *problem.path))
