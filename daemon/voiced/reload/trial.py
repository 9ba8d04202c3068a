"""Judging whether new settings work: a trial, and what it is judged by. Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum

GRACE_SHARE, LONGEST_GRACE_S = 1 / 3, 20.0
"""How long a sound card may take to come back, of the whole trial and at most."""


@dataclass(frozen=True, slots=True)
class Health:
    """How the daemon is.

    Attributes:
        hears: The microphone works.
        speaks: The speaker works.
        accepted: The agent does not refuse us.
        answers: Somebody who asks for the status is answered.
        reached: The agent is there, or nothing else is either; None if nobody has tried.
    """

    hears: bool = True
    speaks: bool = True
    accepted: bool = True
    answers: bool = True
    reached: bool | None = None


def ill_parts(health: Health) -> tuple[str, ...]:
    """Return the names of what does not work."""
    return tuple(name for name in Health.__slots__ if getattr(health, name) is False)


def health_without(ill: Collection[str]) -> Health:
    """Return the health in which only what is named does not work; unknown names do not count."""
    return Health(**{name: False for name in Health.__slots__ if name in ill})


class Verdict(Enum):
    """What becomes of settings on trial."""

    WAIT = "wait"
    KEEP = "keep"
    TAKE_BACK = "take back"


class Trial:
    """One trial.

    Args:
        began_s: When the settings were all in force.
        length_s: How long they must work.
        before: How the daemon was before. It must not get worse.

    Attributes:
        reason: Why they are taken back, if they are.
    """

    def __init__(self, began_s: float, length_s: float, before: Health) -> None:
        self.reason = ""
        self._length_s = length_s
        self._ends_s = began_s + length_s
        self._grace_s = min(length_s * GRACE_SHARE, LONGEST_GRACE_S)
        self._before = before
        self._ill_since_s: float | None = None
        self._missed = False

    def go_on(self, now_s: float) -> None:
        """Judge newer settings, in force since `now_s`; what is ill does not get more time to mend."""
        self._ends_s = now_s + self._length_s

    def judge(self, now_s: float, health: Health) -> Verdict:
        """Return what becomes of the settings, given how the daemon is now."""
        if health.reached is not None:
            self._missed = not health.reached
        self.reason = self._worse(health)
        if not self.reason:
            self._ill_since_s = None
            return Verdict.KEEP if now_s >= self._ends_s else Verdict.WAIT
        if not health.accepted and self._before.accepted:
            return Verdict.TAKE_BACK
        if self._ill_since_s is None:
            self._ill_since_s = now_s
        over = now_s >= self._ends_s or now_s - self._ill_since_s >= self._grace_s
        return Verdict.TAKE_BACK if over else Verdict.WAIT

    def _worse(self, health: Health) -> str:
        before = self._before
        reasons = (
            (before.accepted and not health.accepted, "the agent refuses it"),
            (before.hears and not health.hears, "the microphone does not work with it"),
            (before.speaks and not health.speaks, "the speaker does not work with it"),
            (before.reached is not False and self._missed, "the agent cannot be reached with it"),
            (before.answers and not health.answers, "the control socket does not answer with it"),
        )
        return next((reason for holds, reason in reasons if holds), "")
