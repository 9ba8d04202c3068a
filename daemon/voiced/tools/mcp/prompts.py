"""The prompt of a server for the agent: Home Assistant's lists names and areas.

It is foreign text: capped, and dropped if malformed. No I/O.
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
    """A server's answer to the request for a prompt.

    Attributes:
        text: The prompt; None if it is unknown, or unchanged.
        names: The prompts that the server has, if it does not have the one asked for; else None.
        fault: Why there is no text although there is such a prompt.
    """

    text: str | None = field(default=None, repr=False)
    names: Sequence[str] | None = None
    fault: str = ""


def with_prompt(offer: Offer, wanted: str | Literal[True] | None, found: ForeignPrompt) -> Offer:
    """Return `offer` with the prompt, or with what is wrong with it.

    Args:
        offer: The server's tools.
        wanted: The prompt that the settings name, if any; True stands for the only one.
        found: The server's answer.
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
    """Return the fault of a prompt that a server lists but does not return."""
    return f"it lists the prompt {safe(name, ())} but does not return it: does it need arguments?"


def prompt_text(found: Mapping[str, Any]) -> str:
    """Return the text of a prompt's messages, in all roles; at most `MOST_CHARS`."""
    text = "\n\n".join(filter(None, map(_said, _mappings(found.get("messages")))))
    if len(text) <= MOST_CHARS:
        return _readable(text)
    note = "\n(cut: there is more than fits here)"
    whole_lines, _, _ = text[: MOST_CHARS - len(note)].rpartition("\n")
    return _readable(whole_lines or text[: MOST_CHARS - len(note)]) + note


def _readable(text: str) -> str:
    """Return `text` with unprintable characters, except tabs and newlines, as blanks."""
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
