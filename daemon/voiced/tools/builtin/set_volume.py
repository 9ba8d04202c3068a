"""The tool that sets the volume."""

import re
from collections.abc import Mapping
from typing import Any, cast

from voiced.agents.codec import ToolSpec
from voiced.errors import ToolError
from voiced.ports import Controls
from voiced.tools.builtin.spoken_times import number_of, words_of

LOUDEST = 100
STEP, SMALL_STEP, LARGE_STEP = 10, 5, 25

_LEVELS = {"half": 50, "halfway": 50, "full": 100, "maximum": 100, "max": 100}
_UP = frozenset({"louder", "up", "higher", "raise", "increase", "more"})
_DOWN = frozenset({"quieter", "down", "lower", "softer", "reduce", "decrease", "less"})
_SMALL = frozenset({"bit", "little", "slightly", "touch"})
_LARGE = frozenset({"much", "lot", "far", "way"})
_BESIDE = frozenset(
    {"a", "an", "turn", "it", "the", "volume", "by", "percent", "points", "please", "and", "set"}
)
_BESIDE_LEVELS = frozenset({"percent", "volume", "the", "to", "please"})
_SHARES = frozenset({"half", "quarter", "quarters"})
_SIGNED = re.compile(r"[+-]?[0-9]{1,3}([.]0+)?")
_SAY = "Give percent, like 40 or forty percent, or change, like louder, a bit quieter or 20 percent louder"


class SetVolume:
    """Set the volume, or turn it up or down."""

    spec = ToolSpec(
        name="set_volume",
        description="Set how loud you speak: give either percent or change, in the user's own words.",
        parameters={
            "type": "object",
            "properties": {
                "percent": {
                    "type": "string",
                    "description": "The new volume, if the user said which: 0 (silent) to 100.",
                    "examples": ["40", "forty percent", "half", "maximum"],
                },
                "change": {
                    "type": "string",
                    "description": "Whether to turn it up or down, and by how much if the user said so.",
                    "examples": ["louder", "a bit quieter", "20 percent louder", "down"],
                },
            },
            "required": [],
        },
        timeout_s=10,
    )

    async def call(self, arguments: Mapping[str, Any], controls: Controls) -> object:
        percent, change = arguments.get("percent"), arguments.get("change")
        percent, change = (None if each == "" else each for each in (percent, change))
        if (percent is None) == (change is None):
            raise ToolError(f"{_SAY}, not both.")
        wanted = _percent(percent) if change is None else _changed(change, controls.volume)
        controls.volume = min(LOUDEST, max(0, wanted))
        return {"percent": controls.volume}


def _percent(given: object) -> int:
    words = words_of(given) if isinstance(given, str) else []
    words = [word for word in words if word not in _BESIDE_LEVELS]
    level = _LEVELS.get(words[0]) if len(words) == 1 else None
    if level is not None:
        return level
    found = _whole(given) if not words else number_of(" ".join(words))
    if (
        found is None
        or found != int(found)
        or (isinstance(given, str) and given.lstrip()[:1] == "-")
    ):
        raise ToolError(f"The volume must be a whole number from 0 to 100. {_SAY}.")
    if not 0 <= found <= LOUDEST:
        raise ToolError(f"The volume goes from 0 to 100. {_SAY}.")
    return int(found)


def _changed(given: object, volume: int) -> int:
    """Return the volume after a change, by points or to a level. It may be out of range."""
    if not isinstance(given, str) or _SIGNED.fullmatch(given.strip()):
        return volume + _whole(given)
    words = words_of(given)
    known = _UP | _DOWN | _SMALL | _LARGE | _BESIDE
    if "to" in words:
        i = words.index("to")
        if not known.issuperset(words[:i]):
            raise ToolError(f"That is not clear. {_SAY}.")
        return _percent(" ".join(words[i:]))
    up, down = not _UP.isdisjoint(words), not _DOWN.isdisjoint(words)
    numbers = [each for each in words if each not in known]
    points = number_of(" ".join(numbers)) if numbers else None
    if up == down or (numbers and points is None):
        raise ToolError(f"That is not clear. {_SAY}.")
    if points is None:
        points = STEP
        if not _SMALL.isdisjoint(words):
            points = SMALL_STEP
        elif not _LARGE.isdisjoint(words):
            points = LARGE_STEP
    elif points < 1 and not _SHARES.isdisjoint(words) and {"percent", "points"}.isdisjoint(words):
        points = max(1.0, points * volume)
    if points < 1:
        raise ToolError(f"That would change nothing. {_SAY}.")
    return volume + round(min(points, LOUDEST)) * (1 if up else -1)


def _whole(given: object) -> int:
    """Return a whole number, sent as a number or as text."""
    if isinstance(given, str) and _SIGNED.fullmatch(given.strip()):
        given = float(given)
    is_number = isinstance(given, int | float) and not isinstance(given, bool)
    if not is_number or (isinstance(given, float) and not given.is_integer()):
        raise ToolError(f"The volume must be a whole number. {_SAY}.")
    return int(cast("float", given))
