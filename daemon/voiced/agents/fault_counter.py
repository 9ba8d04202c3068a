"""Counting what the agent does wrong: said aloud once, then in a low voice."""

from collections.abc import Mapping
from typing import Literal

from voiced.agents.codec import Notice
from voiced.agents.redaction import Safe

Severity = Literal["debug", "warning"]


class Faults:
    """What went wrong on one link, by kind.

    Attributes:
        culprit: The id of the reply or call of the newest fault that had one.
    """

    def __init__(self, safe: Safe) -> None:
        self._safe = safe
        self.culprit = ""
        self._counts: dict[str, int] = {}

    def note(self, kind: str, text: str, first: Severity = "warning") -> Notice:
        """Count one fault and say it: the first of a kind louder than the others.

        Args:
            kind: What it counts as, from a fixed set of words.
            text: The line for the log.
            first: How loud.
        """
        count = self._counts.get(kind, 0) + 1
        self._counts[kind] = count
        return Notice(first if count == 1 else "debug", text)

    def malformed(self, kind: str, what: str) -> Notice:
        """Count one message that is not as the protocol says."""
        return self.note(f"malformed {kind}", f"ignored a {kind} {what}")

    def blame(self, culprit: object) -> None:
        """Remember which reply or call a fault belongs to."""
        self.culprit = self._safe(culprit) or self.culprit

    def counts(self) -> Mapping[str, int]:
        """Return how many faults of each kind there were."""
        return self._counts
