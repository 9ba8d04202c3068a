"""Button gestures: turn a contact that opens and closes into press, hold and double press.

A level counts once it has been stable for `STEADY_S`, which filters bounce and sparks. A button that is
down at the start is ignored until it is released. If a hold or a double press is configured, a press
counts when it can be neither; otherwise it counts at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from voiced.core import events as ev
from voiced.core.events import Event

STEADY_S = 0.01
DOUBLE_S = 0.35
REPEAT_AFTER_S = 0.5
REPEAT_EVERY_S = 0.2
VOLUME_STEP = 5

GESTURES: Mapping[str, Event | None] = {
    "talk": ev.TalkPressed(),
    "mute": ev.MuteToggled(),
    "end": ev.EndRequested(),
    "hush": ev.Hushed(),
    "volume_up": ev.VolumeStepped(VOLUME_STEP),
    "volume_down": ev.VolumeStepped(-VOLUME_STEP),
    "none": None,
}
"""What each action of the settings does."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the gestures of one button do, in words of `GESTURES`.

    Attributes:
        press: A press.
        hold: Holding it down for `hold_s`.
        double: Two presses within `DOUBLE_S`.
        hold_s: How long is holding.
        repeats: The press repeats while the button is down.
        held_to_talk: Ignore all of this, and talk while the button is down.
    """

    press: str = "talk"
    hold: str = "none"
    double: str = "none"
    hold_s: float = 1.5
    repeats: bool = False
    held_to_talk: bool = False


class _Stage(Enum):
    """Where in a gesture we are."""

    UP = "up"
    DOWN = "down"
    BETWEEN = "between two presses"
    SPENT = "down, but it has done what it does"


@dataclass(slots=True)
class Button:
    """Turns the level of one contact into events. Times are seconds on one monotonic clock."""

    meaning: Meaning
    _stage: _Stage = _Stage.SPENT
    _talks: bool = False
    _level: bool = True
    _stable: bool = True
    _due: dict[str, float] = field(default_factory=dict)

    def level(self, is_down: bool, now_s: float) -> None:  # noqa: FBT001 - it is the one argument
        """Record the contact's level. `due_s` may change."""
        if is_down != self._level:
            self._level = is_down
            self._due["steady"] = now_s + STEADY_S

    def start(self, is_down: bool) -> None:  # noqa: FBT001 - as above
        """Record the initial level, which is not a gesture."""
        self._level = self._stable = is_down
        self._stage = _Stage.SPENT if is_down else _Stage.UP
        self._due.clear()

    def end(self) -> list[Event]:
        """Return the events for a button that is removed: it no longer talks."""
        talks, self._talks = self._talks, False
        return [ev.TalkHeld(held=False)] if talks else []

    @property
    def is_down(self) -> bool:
        """The contact was closed when it was last read."""
        return self._level

    def due_s(self) -> float | None:
        """Return when `advance` wants to be called, or None."""
        return min(self._due.values(), default=None)

    def advance(self, now_s: float) -> list[Event]:
        """Return the events that are certain by now."""
        events: list[Event] = []
        # In order of time: if the loop was blocked, a hold that came due before the release still counts.
        while self._due and (first := min(self._due, key=self._due.__getitem__)):
            at_s = self._due[first]
            if at_s > now_s:
                break
            del self._due[first]
            events += self._on_due(first, at_s)
        return events

    def _on_due(self, what: str, at_s: float) -> list[Event]:
        match what:
            case "steady":
                if self._level == self._stable:
                    return []
                self._stable = self._level
                return self._went_down(at_s) if self._stable else self._went_up(at_s)
            case "hold":
                self._stage = _Stage.SPENT
                return _does(self.meaning.hold)
            case "repeat":
                self._due["repeat"] = at_s + REPEAT_EVERY_S
                return _does(self.meaning.press)
            case _:
                self._stage = _Stage.UP
                return _does(self.meaning.press)

    def _went_down(self, at_s: float) -> list[Event]:
        meaning = self.meaning
        if meaning.held_to_talk:
            self._talks = True
            return [ev.TalkHeld(held=True), ev.Woken("button", interrupts=True)]
        if self._stage is _Stage.BETWEEN:
            del self._due["single"]
            self._stage = _Stage.SPENT
            return _does(meaning.double)
        if meaning.hold == meaning.double == "none":
            self._stage = _Stage.SPENT
            if meaning.repeats:
                self._due["repeat"] = at_s + REPEAT_AFTER_S
            return _does(meaning.press)
        self._stage = _Stage.DOWN
        if meaning.hold != "none":
            self._due["hold"] = at_s - STEADY_S + meaning.hold_s  # from the first contact on
        return []

    def _went_up(self, at_s: float) -> list[Event]:
        if self.meaning.held_to_talk:
            # Emitted even if another button object saw the press: the gate must not stay open.
            self._talks, self._stage = False, _Stage.UP
            return [ev.TalkHeld(held=False)]
        self._due.pop("hold", None)
        self._due.pop("repeat", None)
        if self._stage is not _Stage.DOWN:
            self._stage = _Stage.UP
            return []
        if self.meaning.double == "none":
            self._stage = _Stage.UP
            return _does(self.meaning.press)
        self._stage = _Stage.BETWEEN
        self._due["single"] = at_s + DOUBLE_S
        return []


def _does(action: str) -> list[Event]:
    event = GESTURES[action]
    return [] if event is None else [event]
