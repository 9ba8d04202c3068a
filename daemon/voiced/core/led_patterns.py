"""How a light shows a status, and whether sound may leave the device.

Every status has a colour and a rhythm of flashes. A mostly dark light means that no sound leaves the
device. A mostly lit light means that sound may leave; its rhythm consists of short dark gaps. So a plain
on/off light shows everything.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from voiced.core.actions import Status

Colour = tuple[float, float, float]
"""Red, green, blue, each from 0 to 1."""

SHORT_S = 0.12
LONG_S = 0.5
GAP_S = 0.2
OFF: Colour = (0.0, 0.0, 0.0)

_WHITE: Colour = (1.0, 1.0, 1.0)
_BLUE: Colour = (0.0, 0.2, 1.0)
_CYAN: Colour = (0.0, 1.0, 0.7)
_GREEN: Colour = (0.0, 1.0, 0.0)
_YELLOW: Colour = (1.0, 0.7, 0.0)
_PURPLE: Colour = (0.7, 0.0, 1.0)
_ORANGE: Colour = (1.0, 0.3, 0.0)
_RED: Colour = (1.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Pattern:
    """How one status looks.

    Attributes:
        colour: For an RGB light.
        flashes: `.` is a short one, `-` a long one; none means steady.
        pause_s: From the end of the last flash to the next round.
        name: The colour in a word.
    """

    colour: Colour
    name: str
    flashes: str = ""
    pause_s: float = 2.0

    @property
    def period_s(self) -> float:
        """How long one round lasts."""
        lit_s = sum(_LENGTHS_S[flash] for flash in self.flashes)
        return lit_s + GAP_S * max(len(self.flashes) - 1, 0) + self.pause_s

    def edges(self) -> list[tuple[float, float]]:
        """Return when each flash of a round begins and ends."""
        at_s, found = 0.0, []
        for flash in self.flashes:
            found.append((at_s, at_s + _LENGTHS_S[flash]))
            at_s += _LENGTHS_S[flash] + GAP_S
        return found


_LENGTHS_S = {".": SHORT_S, "-": LONG_S}

PATTERNS: Mapping[Status, Pattern] = {
    Status.BOOTING: Pattern(_WHITE, "white", "-", pause_s=0.7),
    Status.ASLEEP: Pattern(OFF, "dark"),
    Status.CONNECTING: Pattern(_BLUE, "blue", ".", pause_s=0.3),
    Status.LISTENING: Pattern(_GREEN, "green", ".", pause_s=3.0),
    Status.HEARING: Pattern(_CYAN, "cyan", ".", pause_s=1.0),
    Status.THINKING: Pattern(_YELLOW, "yellow", "..", pause_s=0.6),
    Status.SPEAKING: Pattern(_BLUE, "blue", "-", pause_s=1.5),
    Status.MUTED: Pattern(_RED, "red", "-", pause_s=4.0),
    Status.OFFLINE: Pattern(_ORANGE, "orange", ".."),
    Status.REJECTED: Pattern(_PURPLE, "purple", "..."),
    Status.CONFIGURATION_ERROR: Pattern(_PURPLE, "purple", "...."),
    Status.NO_MICROPHONE: Pattern(_RED, "red", "-."),
    Status.MICROPHONE_BUSY: Pattern(_RED, "red", "-.."),
    Status.MICROPHONE_STALLED: Pattern(_RED, "red", "-..."),
    Status.MICROPHONE_SILENT: Pattern(_RED, "red", "-...."),
    Status.NO_SPEAKER: Pattern(_ORANGE, "orange", "--."),
    Status.SPEAKER_BUSY: Pattern(_ORANGE, "orange", "--.."),
    Status.SPEAKER_STALLED: Pattern(_ORANGE, "orange", "--..."),
    Status.STOPPING: Pattern(_WHITE, "white", ".", pause_s=0.15),
}


def brightness(pattern: Pattern, at_s: float, *, leaving: bool) -> float:
    """Return how bright the light is: 0 or 1.

    Args:
        pattern: What it shows.
        at_s: How long it has shown it.
        leaving: Sound may leave the device.
    """
    at_s %= pattern.period_s
    flashes = any(begins_s <= at_s < ends_s for begins_s, ends_s in pattern.edges())
    return float(flashes is not leaving)  # on a lit light, flashes are dark gaps


def next_change_s(pattern: Pattern, at_s: float) -> float | None:
    """Return how long the brightness stays as it is at `at_s`; None means for ever."""
    at_s %= pattern.period_s
    edges = pattern.edges()
    if not edges:
        return None
    coming = [edge_s for edges_s in edges for edge_s in edges_s if edge_s > at_s]
    return (coming[0] if coming else pattern.period_s) - at_s


def shown(pattern: Pattern, *, leaving: bool) -> Colour:
    """Return the colour of an RGB light. It is never dark while sound may leave."""
    return _WHITE if pattern.colour == OFF and leaving else pattern.colour


def describe(pattern: Pattern) -> str:
    """Return the rhythm in words."""
    if not pattern.flashes:
        return "none"
    words = {".": "short", "-": "long"}
    return (
        ", ".join(words[flash] for flash in pattern.flashes) + f"; every {pattern.period_s:.1f} s"
    )
