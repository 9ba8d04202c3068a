"""A prompt that a server has for the agent: Home Assistant's tells which names and areas there are.

It is foreign like all that a server says: capped, and left out where it is none. Nothing here does I/O.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from voiced.agents.redaction import safe
from voiced.tools.mcp.sanitize import Offer, has

MOST_CHARS = 16_000
LATE = "its prompt does not arrive in time"
EMPTY = "its prompt contains no text"


@dataclass(frozen=True, slots=True)
class ForeignPrompt:
    """What a server answered when it was asked for a prompt.

    Attributes:
        text: What the agent is to know; None if that is not known, or not anew.
        names: The prompts that it has instead, if it does not have the one asked for; None if it does.
        fault: Why there is no text although there is such a prompt.
    """

    text: str | None = field(default=None, repr=False)
    names: Sequence[str] | None = None
    fault: str = ""


def with_prompt(offer: Offer, wanted: str | Literal[True] | None, found: ForeignPrompt) -> Offer:
    """Return what the agent is offered with what of a prompt was found.

    Args:
        offer: The server's tools.
        wanted: Which prompt the settings name, if they do; True is the only one.
        found: What the server answered.
    """
    if wanted is None:
        return replace(offer, prompt="")
    if found.text is not None:
        return replace(offer, prompt=found.text)
    if found.names is not None:
        complaint, prompt = _absent(wanted, found.names), ""
    elif found.fault:
        complaint, prompt = found.fault, None
    else:
        return replace(offer, prompt=None)
    missing = [*offer.missing, "prompt" if wanted is True else wanted]
    complaints = [*offer.complaints, complaint]
    return replace(offer, complaints=complaints, missing=missing, prompt=prompt)


def _absent(wanted: str | Literal[True], names: Sequence[str]) -> str:
    if wanted is True:
        return f"`prompt: true` takes the only one there is; {has(names)}"
    return f"`prompt` names one that it does not have: {wanted}; {has(names)}"


def refused(name: str) -> str:
    """Return what to tell of a prompt that a server has and does not give."""
    return f"it lists the prompt {safe(name, ())} but does not return it: does it need arguments?"


def prompt_text(found: Mapping[str, Any]) -> str:
    """Return what the messages of a prompt say, whoever is to say it; at most `MOST_CHARS`."""
    text = "\n\n".join(filter(None, map(_said, _mappings(found.get("messages")))))
    if len(text) <= MOST_CHARS:
        return _readable(text)
    note = "\n(cut: there is more than fits here)"
    whole_lines, _, _ = text[: MOST_CHARS - len(note)].rpartition("\n")
    return _readable(whole_lines or text[: MOST_CHARS - len(note)]) + note


def _readable(text: str) -> str:
    """Return a text whose only invisible characters are blanks and ends of lines."""
    return "".join(each if each.isprintable() or each in "\n\t" else " " for each in text)


def _said(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    blocks = content if isinstance(content, list) else [content]
    texts = [_text_in(each) for each in _mappings(blocks)]
    return "\n".join(each for each in texts if isinstance(each, str)).strip()


def _text_in(block: Mapping[str, Any]) -> object:
    if block.get("type") == "text":
        return block.get("text")
    resource = block.get("resource")
    return resource.get("text") if isinstance(resource, Mapping) else None


def prompt_names(page: Mapping[str, Any]) -> Sequence[str]:
    """Return the names of the prompts that a server lists."""
    names = [each.get("name") for each in _mappings(page.get("prompts"))]
    return [each for each in names if isinstance(each, str)]


def _mappings(value: object) -> list[Mapping[str, Any]]:
    items = value if isinstance(value, list) else []
    return [each for each in items if isinstance(each, Mapping)]
