"""Faults of the agent: counted by kind; the first of each kind is logged louder than the rest."""

from typing import Literal

from voiced.agents.codec import Notice
from voiced.agents.redaction import Safe

Severity = Literal["debug", "warning"]


class Faults:
    """The faults of one link, by kind.

    Attributes:
        culprit: The reply id or call id of the newest fault that had one.
    """

    def __init__(self, safe: Safe) -> None:
        self._safe = safe
        self.culprit = ""
        self._counts: dict[str, int] = {}

    def note(self, kind: str, text: str, first: Severity = "warning") -> Notice:
        """Count one fault and return its log line; from the second of a kind on, its level is debug.

        Args:
            kind: What it counts as, from a fixed set of words.
            text: The line for the log.
            first: Log level of the first one.
        """
        count = self._counts.get(kind, 0) + 1
        self._counts[kind] = count
        return Notice(first if count == 1 else "debug", text)

    def malformed(self, kind: str, what: str) -> Notice:
        """Count one message that violates the protocol."""
        return self.note(f"malformed {kind}", f"ignored a {kind} {what}")

    def blame(self, culprit: object) -> None:
        """Remember which reply or call a fault belongs to, for the agent's support."""
        self.culprit = self._safe(culprit) or self.culprit

    def summary(self) -> str:
        """Return the number of faults by kind, on one line."""
        return ", ".join(f"{kind} x{count}" for kind, count in self._counts.items())
