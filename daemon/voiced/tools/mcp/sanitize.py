"""Names, descriptions, schemas and results of an MCP server, made fit for the agent.

All of it is foreign: it is capped, and what does not fit is left out. No I/O.
"""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from voiced.agents.codec import ToolSpec
from voiced.agents.redaction import safe
from voiced.lib.json_limits import within

MOST_TOOLS = 64  # of one server; an agent chooses well from about ten
MOST_NAME_CHARS = 64
MOST_DESCRIPTION_CHARS = 1000
MOST_SCHEMA_CHARS = 16 * 1024
MOST_RESULT_CHARS = 16_000
MOST_KINDS = 10  # of content left out of a result that are named
MOST_KIND_CHARS = 20
MOST_COMPARISONS = 100_000  # of values in the lists of one schema; each takes a microsecond
LARGEST_CHARS = 1024 * 1024  # writing more as JSON would block too long
MOST_ERROR_CHARS = 500
MOST_COMPLAINTS = 20  # about one list of tools; a server may list a thousand
MANY_TOOLS = 12
MOST_EXAMPLES = 20  # of a server's names in a message

# Names of tools that can do anything, or much harm.
_POWERFUL = re.compile(
    r"(^|_)(call_(action|service)|render_template|exec(ute)?|eval|shell|run_(command|script)|"
    r"reload|restart|delete|write_file|logs?)(_|$)"
)

_NO_PARAMETERS = {"type": "object", "properties": {}, "required": []}


@dataclass(frozen=True, slots=True)
class ForeignTool:
    """A tool as its server describes it, cut to size.

    Attributes:
        name: The server's name for it.
        description: The server's description.
        schema: The JSON schema of its arguments as JSON text, None if it is invalid or too large.
    """

    name: str
    description: str = field(repr=False)
    schema: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class ForeignResult:
    """The result of a call, small enough to cross to the main loop.

    Attributes:
        text: JSON text if `is_json`, else plain text.
        is_json: Whether it is JSON.
        is_error: Whether it is an error message.
    """

    text: str = field(repr=False)
    is_json: bool = False
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    """What of a server's tools the agent is offered.

    Attributes:
        specs: The tools for the agent, by the server's names.
        complaints: Problems of the other tools, and of the list; a line each.
        missing: Names in `allow` and `prompt` that the server does not have.
        prompt: The server's prompt; empty if there is none, None if it is unchanged.
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
        server: Its name in the settings.
        tools: The tools it lists.
        allow: Names of the tools that may be used: the server's names, or their parts after `__`;
            None allows all.
        timeout_s: How long the agent must wait for a result.
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
        if name in taken and word != tool.name:  # two tools differ only before the `__`
            name = agent_name(server, tool.name)
        why = _misfit(tool, name, taken, len(found))
        if why:
            complaints.append(f"tool {safe(tool.name, ())!r} is left out: {why}")
            continue
        taken.add(name)
        found[tool.name] = ToolSpec(
            name=name,
            description=tool.description[:MOST_DESCRIPTION_CHARS],
            parameters={**_NO_PARAMETERS, **json.loads(tool.schema or "{}")},
            timeout_s=timeout_s,
        )
    if allow is None:
        complaints[:0] = _without_choice(found)
    if len(complaints) > MOST_COMPLAINTS:
        complaints[MOST_COMPLAINTS:] = ["more of its tools are left out; choose with `allow`"]
    return Offer(found, complaints, missing)


def _last_part(name: str) -> str:
    """Return the part after the first `__`: since 2026.9, Home Assistant puts a tool's kind before it."""
    return name.partition("__")[2]


def _allowed(name: str, names: Collection[str], allow: Collection[str]) -> str | None:
    """Return the entry of `allow` that allows a tool, None if there is none."""
    if name in allow:
        return name
    word = _last_part(name)
    return word if word and word in allow and word not in names else None


def _missing(missing: Sequence[str], names: Collection[str]) -> str:
    wanted = ", ".join(safe(name, ()) for name in missing[:MOST_EXAMPLES])
    return f"`allow` names tools that it does not have: {wanted}; {has(sorted(names))}"


def has(names: Sequence[str]) -> str:
    """Return the names that a server has, `MOST_EXAMPLES` at most, as the end of a message."""
    if not names:
        return "it has none"
    listed = ", ".join(safe(name, ()) for name in names[:MOST_EXAMPLES])
    more = f" and {len(names) - MOST_EXAMPLES} more" if len(names) > MOST_EXAMPLES else ""
    return f"it has {listed}{more}"


def _without_choice(found: Mapping[str, ToolSpec]) -> Iterator[str]:
    """Yield the complaint about a server without `allow` that has many tools, or powerful ones."""
    powerful = [safe(name, ()) for name in found if _POWERFUL.search(name)]
    if not powerful and len(found) <= MANY_TOOLS:
        return
    what = f"the agent can use all of its {len(found)} tools"
    if powerful:
        what += f", {', '.join(powerful[:MOST_EXAMPLES])} among them"
    yield f"{what}; name with `allow` what it needs"


def agent_name(server: str, name: str) -> str:
    """Return the agent's name for a server's tool."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", f"{server}_{name}")[:MOST_NAME_CHARS]


def _misfit(tool: ForeignTool, name: str, taken: Collection[str], n_tools: int) -> str:
    """Return why a tool cannot be offered, or an empty string."""
    if tool.schema is None:
        return "its parameters are not a JSON schema of an object, or are too large"
    if name in taken:
        return f"another tool is called {name} as well"
    if n_tools >= MOST_TOOLS:
        return f"there are {MOST_TOOLS} already; choose with `allow`"
    return ""


def schema_text(schema: object, is_schema: Callable[[Any], bool]) -> str | None:
    """Return a tool's schema as JSON text, None if it is no schema of an object, or too large.

    Args:
        schema: The server's schema.
        is_schema: Returns whether it is a valid JSON schema.
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
    """Return the number of values in one, and of the comparisons that validating its lists takes.

    JSON schema requires unique items in some lists. If they cannot be sorted, the library compares
    each with each.
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
    """Return the result of a call, as far as an agent can speak about it.

    Args:
        structured: The structured content, None if there is none.
        texts: The text blocks.
        left_out: The types of all other blocks, like image and audio.
        is_error: Whether it is an error message.
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
    """Return a note about the content left out, a line for each kind."""
    kinds = sorted({each[:MOST_KIND_CHARS] for each in left_out})
    told = kinds if len(kinds) <= MOST_KINDS else [*kinds[:MOST_KINDS], "and more"]
    return "".join(f"\n(left out: {each})" for each in told)


def read(found: ForeignResult) -> object:
    """Return a result as a JSON value."""
    if found.is_json:
        return json.loads(found.text)
    if found.text[:1] in {"{", "["}:
        try:
            return json.loads(found.text, parse_constant=_refuse)
        except (ValueError, RecursionError):
            pass
    return {"text": found.text.strip()}


def _refuse(constant: str) -> None:
    """Refuse `NaN` and the like, which only Python takes for JSON."""
    raise ValueError(constant)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
