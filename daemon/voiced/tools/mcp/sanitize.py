"""What an MCP server says, made fit for the agent: names, descriptions, schemas, results.

All of it is foreign: it is capped, and what does not fit is left out. Nothing here does I/O.
"""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from voiced.agents.codec import ToolSpec
from voiced.agents.redaction import safe
from voiced.lib.json_limits import within

MOST_TOOLS = 64
"""Of one server. About ten tools are as many as an agent chooses well from."""

MOST_NAME_CHARS = 64
MOST_DESCRIPTION_CHARS = 1000
MOST_SCHEMA_CHARS = 16 * 1024
MOST_RESULT_CHARS = 16_000
MOST_KINDS = 10
MOST_KIND_CHARS = 20
"""Of what is left out of a result: so many are named, by so much of their names."""

MOST_COMPARISONS = 100_000
"""Of values in the lists of one schema: each takes a microsecond."""

LARGEST_CHARS = 1024 * 1024  # to write more of it as JSON takes too long
MOST_ERROR_CHARS = 500
MOST_COMPLAINTS = 20
"""About one list of tools; a server may list a thousand."""

MANY_TOOLS = 12
MOST_EXAMPLES = 20
"""So many names are told of what a server has."""

_MIGHTY = re.compile(
    r"(^|_)(call_(action|service)|render_template|exec(ute)?|eval|shell|run_(command|script)|"
    r"reload|restart|delete|write_file|logs?)(_|$)"
)
"""What tools are called like that can do anything, or much harm."""

_NO_PARAMETERS = {"type": "object", "properties": {}, "required": []}


@dataclass(frozen=True, slots=True)
class ForeignTool:
    """A tool as its server tells of it; what is too large is cut already.

    Attributes:
        name: What the server calls it by.
        description: What it says of it.
        schema: The JSON schema of its arguments as JSON text, None if it is none, or too large.
    """

    name: str
    description: str = field(repr=False)
    schema: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class ForeignResult:
    """What a call came to; small enough to cross to another loop.

    Attributes:
        text: JSON text if `is_json`, else text.
        is_json: How to read it.
        is_error: It tells what went wrong.
    """

    text: str = field(repr=False)
    is_json: bool = False
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    """What of a server's tools the agent is offered.

    Attributes:
        specs: What the agent is told, by the server's names.
        complaints: What is wrong with the others, and with all of them; a line each.
        missing: Names in `allow` that no tool of the server has, and in `prompt` that no prompt has.
        prompt: What the server wants the agent to know; empty if nothing, None if that is as it was.
    """

    specs: Mapping[str, ToolSpec]
    complaints: Sequence[str] = ()
    missing: Sequence[str] = ()
    prompt: str | None = field(default="", repr=False)


def offers(
    server: str, tools: Sequence[ForeignTool], allow: Collection[str] | None, timeout_s: int
) -> Offer:
    """Return what of a server's tools the agent is offered, and what is wrong with the others.

    Args:
        server: What the settings call it.
        tools: What it says it has.
        allow: Names of the tools that may be used, as the server says them, or what follows `__` in them;
            None allows all.
        timeout_s: How long the agent is to wait for a result.
    """
    names = {tool.name for tool in tools}
    missing = [each for each in allow or () if each not in names | {*map(_last_part, names)}]
    complaints = [_missing(missing, names)] if missing else []
    found: dict[str, ToolSpec] = {}
    taken: set[str] = set()
    for tool in tools:
        word = tool.name if allow is None else _allowed(tool.name, names, allow)
        if word is None:
            continue
        name = agent_name(server, word)
        if name in taken and word != tool.name:  # the same word after two prefixes
            name = agent_name(server, tool.name)
        why = _unfit(tool, name, taken, len(found))
        if why:
            complaints.append(f"tool {safe(tool.name, ())!r} is left out: {why}")
            continue
        taken.add(name)
        found[tool.name] = ToolSpec(
            name=name,
            description=tool.description[:MOST_DESCRIPTION_CHARS],
            parameters=_parameters(tool),
            timeout_s=timeout_s,
        )
    if allow is None:
        complaints[:0] = _unchosen(found)
    if len(complaints) > MOST_COMPLAINTS:
        complaints[MOST_COMPLAINTS:] = ["more of its tools are left out; choose with `allow`"]
    return Offer(found, complaints, missing)


def _last_part(name: str) -> str:
    """Return what follows the first `__`: Home Assistant calls a tool by its kind since 2026.9, and then so."""
    return name.partition("__")[2]


def _allowed(name: str, names: Collection[str], allow: Collection[str]) -> str | None:
    """Return the word in `allow` that lets a tool in, None if there is none."""
    if name in allow:
        return name
    word = _last_part(name)
    return word if word and word in allow and word not in names else None


def _missing(missing: Sequence[str], names: Collection[str]) -> str:
    wanted = ", ".join(safe(name, ()) for name in missing[:MOST_EXAMPLES])
    return f"`allow` names tools that it does not have: {wanted}; {has(sorted(names))}"


def has(names: Sequence[str]) -> str:
    """Return what to tell of the names that a server has, as many as are worth telling."""
    if not names:
        return "it has none"
    listed = ", ".join(safe(name, ()) for name in names[:MOST_EXAMPLES])
    more = f" and {len(names) - MOST_EXAMPLES} more" if len(names) > MOST_EXAMPLES else ""
    return f"it has {listed}{more}"


def _unchosen(found: Mapping[str, ToolSpec]) -> Iterator[str]:
    """Yield what is to be said where nobody has chosen among the tools."""
    mighty = [safe(name, ()) for name in found if _MIGHTY.search(name)]
    if not mighty and len(found) <= MANY_TOOLS:
        return
    what = f"the agent can use all of its {len(found)} tools"
    if mighty:
        what += f", {', '.join(mighty[:MOST_EXAMPLES])} among them"
    yield f"{what}; name with `allow` what it needs"


def agent_name(server: str, name: str) -> str:
    """Return what the agent calls a server's tool."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", f"{server}_{name}")[:MOST_NAME_CHARS]


def _unfit(tool: ForeignTool, name: str, taken: Collection[str], n_tools: int) -> str:
    """Return why a tool cannot be offered, or an empty string."""
    if tool.schema is None:
        return "its parameters are not a JSON schema of an object, or are too large"
    if name in taken:
        return f"another tool is called {name} as well"
    if n_tools >= MOST_TOOLS:
        return f"there are {MOST_TOOLS} already; choose with `allow`"
    return ""


def _parameters(tool: ForeignTool) -> Mapping[str, Any]:
    schema: dict[str, Any] = json.loads(tool.schema or "{}")
    return {**_NO_PARAMETERS, **schema}


def schema_text(schema: object, is_schema: Callable[[Any], bool]) -> str | None:
    """Return a tool's schema as JSON text, None if it is none of an object, or too large.

    Args:
        schema: What the server says.
        is_schema: Tells whether it is a JSON schema.
    """
    if not isinstance(schema, Mapping) or schema.get("type", "object") != "object":
        return None
    try:
        text = json.dumps(schema, allow_nan=False)
        if len(text) > MOST_SCHEMA_CHARS:
            return None
        _, n_comparisons = _values_and_comparisons(schema)
        if n_comparisons > MOST_COMPARISONS or not is_schema(schema):
            return None
    except (ValueError, TypeError, RecursionError):
        return None
    return text


def _values_and_comparisons(value: object) -> tuple[int, int]:
    """Return how many values there are in one, and how many comparisons find equal items in its lists.

    JSON schema wants some lists to have no two equal items. Where they cannot be sorted, each is
    compared with each.
    """
    if isinstance(value, Mapping):
        within, is_slow = [*value.values()], False
    elif isinstance(value, list):
        types = {*map(type, value)}
        within, is_slow = value, not (types <= {str} or types <= {int, float})
    else:
        return 1, 0
    found = [_values_and_comparisons(each) for each in within]
    n_values = 1 + sum(each[0] for each in found)
    n_slow = len(within) * n_values // 2 if is_slow else 0
    return n_values, n_slow + sum(each[1] for each in found)


def result(
    structured: object, texts: Sequence[str], left_out: Sequence[str], *, is_error: bool
) -> ForeignResult:
    """Return what a call came to, as far as it is of use to somebody who listens.

    Args:
        structured: The structured content, None if there is none.
        texts: What there is of text.
        left_out: What else there is, a word for each: image, audio.
        is_error: It tells what went wrong.
    """
    text = "\n".join(texts)
    if is_error:
        return ForeignResult(_cut(text, MOST_ERROR_CHARS), is_error=True)
    if structured is not None:
        try:
            within(structured, LARGEST_CHARS)
            as_json = json.dumps(structured, allow_nan=False)
        except ValueError:
            as_json = ""
        if 0 < len(as_json) <= MOST_RESULT_CHARS:
            return ForeignResult(as_json, is_json=True)
        text = text or as_json
    note = _note(left_out)
    if len(text) + len(note) > MOST_RESULT_CHARS:
        note += f"\n(cut, {len(text)} characters are too many: ask for less, for one name or area)"
    return ForeignResult(_cut(text, MOST_RESULT_CHARS - len(note)) + note)


def _note(left_out: Sequence[str]) -> str:
    """Return what is to be said of what is left out, a line for each kind."""
    kinds = sorted({each[:MOST_KIND_CHARS] for each in left_out})
    told = kinds if len(kinds) <= MOST_KINDS else [*kinds[:MOST_KINDS], "and more"]
    return "".join(f"\n(left out: {each})" for each in told)


def read(found: ForeignResult) -> object:
    """Return a result as something JSON can hold."""
    if found.is_json:
        return json.loads(found.text)
    if found.text[:1] in {"{", "["}:
        try:
            return json.loads(found.text, parse_constant=_refuse)
        except (ValueError, RecursionError):
            pass
    return {"text": found.text.strip()}


def _refuse(constant: str) -> None:
    """Refuse what Python takes for JSON and nobody else does."""
    raise ValueError(constant)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
