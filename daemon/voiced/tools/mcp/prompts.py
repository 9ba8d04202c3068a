"""A prompt that a server has for the agent: Home Assistant's tells which names and areas there are.

It is foreign like all that a server says: capped, and left out where it is none. Nothing here does I/O.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from voiced.agents.safe_text import MAX_CHARS, safe
from voiced.tools.mcp.reading import Offer

MOST_CHARS = 16_000
MOST_TOLD = 20
"""So many names are told of what a server has."""


@dataclass(frozen=True, slots=True)
class ForeignPrompt:
    """What a server answered when it was asked for a prompt.

    Attributes:
        text: What the agent is to know; empty if there is nothing.
        names: The prompts that it has instead, if it does not have the one asked for; None if it does.
        is_late: It has not answered in time.
    """

    text: str = field(default="", repr=False)
    names: Sequence[str] | None = None
    is_late: bool = False


def with_prompt(offer: Offer, wanted: str | Literal[True] | None, found: ForeignPrompt) -> Offer:
    """Return what the agent is offered with what of a prompt was found.

    Args:
        offer: The server's tools.
        wanted: Which prompt the settings name, if they do; True is the only one.
        found: What the server answered.
    """
    if found.is_late:
        late = "the prompt does not come in time"
        return replace(
            offer, complaints=[*offer.complaints, late], missing=[*offer.missing, "prompt"]
        )
    if wanted is None or found.names is None:
        return replace(offer, prompt=found.text)
    names = ", ".join(safe(name, ()) for name in found.names)
    has = f"it has {names}" if names else "it has none"
    if wanted is True:
        complaint = f"`prompt: true` takes the only one there is; {has}"
    else:
        complaint = f"`prompt` names what it does not have: {wanted}; {has}"
    missing = [*offer.missing, "prompt" if wanted is True else wanted]
    return replace(offer, complaints=[*offer.complaints, complaint], missing=missing)


def prompt_text(found: Mapping[str, Any]) -> str:
    """Return what the messages of a prompt say, whoever is to say it; at most `MOST_CHARS`."""
    text = "\n\n".join(filter(None, map(_said, _mappings(found.get("messages")))))
    if len(text) <= MOST_CHARS:
        return text
    note = "\n(cut: there is more than fits here)"
    whole_lines, _, _ = text[: MOST_CHARS - len(note)].rpartition("\n")
    return (whole_lines or text[: MOST_CHARS - len(note)]) + note


def _said(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    blocks = content if isinstance(content, list) else [content]
    texts = [each.get("text") for each in _mappings(blocks) if each.get("type") == "text"]
    return "\n".join(each for each in texts if isinstance(each, str)).strip()


def prompt_names(page: Mapping[str, Any]) -> Sequence[str]:
    """Return the names of the prompts that a server lists, as many as are worth telling."""
    names = [each.get("name") for each in _mappings(page.get("prompts"))]
    return [each[:MAX_CHARS] for each in names if isinstance(each, str)][:MOST_TOLD]


def _mappings(value: object) -> list[Mapping[str, Any]]:
    items = value if isinstance(value, list) else []
    return [each for each in items if isinstance(each, Mapping)]
