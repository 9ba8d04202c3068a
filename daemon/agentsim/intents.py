"""What a sentence asks for, of the few things the stand-in understands."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

# fmt: off
UNITS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen",
)
TENS = (
    "zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
    "hundred",
)
# fmt: on

QUIET, MIDDLE, LOUD = 30, 50, 70


@dataclass(frozen=True, slots=True)
class Intent:
    """What the user wants.

    Attributes:
        name: One of `INTENTS`.
        slots: What the sentence says about it.
    """

    name: str
    slots: Mapping[str, int | str] = field(default_factory=dict)


NOT_NAMES = frozenset({"a", "the", "my", "another", "set", "start", "please", "cancel", "stop"})
"""Words before "timer" that do not name it."""

_FORMS = (
    ("time", re.compile(r"\bwhat(?:'s| is)? (?:the )?time\b|\btell me the time\b")),
    ("cancel_timer", re.compile(r"\b(?:cancel|stop)\b.*?\b(?:(?P<name>[a-z]+) )?timer\b")),
    (
        "timer",
        re.compile(
            r"\b(?:(?P<name>[a-z]+) )?timer for (?P<count>[a-z0-9 ]+?) "
            r"(?P<unit>second|minute|hour)s?\b"
        ),
    ),
    ("volume", re.compile(r"\bvolume\b.*?\bto (?P<percent>[a-z0-9 ]+)")),
    ("volume_up", re.compile(r"\b(?:volume up|turn it up|turn up the volume|louder)\b")),
    ("volume_down", re.compile(r"\b(?:volume down|turn it down|turn down the volume|quieter)\b")),
    ("joke", re.compile(r"\bjoke\b")),
    ("story", re.compile(r"\bstory\b")),
    ("goodbye", re.compile(r"\b(?:goodbye|good bye|bye)\b")),
    ("stop", re.compile(r"\b(?:stop|wait)\b")),
)

INTENTS = tuple(name for name, _form in _FORMS)


def intent_of(text: str) -> Intent | None:
    """Return what `text` asks for, or None."""
    plain = re.sub(r"[^a-z0-9' ]+", " ", text.lower())
    for name, form in _FORMS:
        if (match := form.search(plain)) and (slots := _slots(match.groupdict())) is not None:
            return Intent(name, slots)
    return None


def _slots(found: Mapping[str, str | None]) -> dict[str, int | str] | None:
    """Return the slots of a match; None if one of them should be a number and is not."""
    slots: dict[str, int | str] = {}
    for key, words in found.items():
        if key in {"percent", "count"}:
            number = number_of(words or "")
            if number is None:
                return None
            slots[key] = min(number, 100) if key == "percent" else number
        elif words and words not in NOT_NAMES:
            slots[key] = words
    return slots


def number_of(words: str) -> int | None:
    """Return the number `words` begins with, in digits or spelled out."""
    total: int | None = None
    for word in words.split():
        if word.isdigit():
            return int(word)
        if word in UNITS:
            total = (total or 0) + UNITS.index(word)
        elif word in TENS[2:]:
            total = (total or 0) + 10 * TENS.index(word)
        elif total is not None:
            break
    return total


def spelled(number: int) -> str:
    """Return a number from 0 to 100 in words."""
    if number < len(UNITS):
        return UNITS[number]
    tens, units = divmod(number, 10)
    return TENS[tens] + (f" {UNITS[units]}" if units else "")
