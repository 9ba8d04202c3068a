"""Finds out whether the agent keeps being interrupted by its own voice."""

import re

from voiced.core.events import Event, ReplyDone, ReplyStarted

WITHIN_S = 2.5
"""An echo interrupts early: agents take 0.3 to 2.2 s of speech for an interruption."""

IN_A_ROW = 3
OWN_WORDS_SHARE = 0.5
_WORD = re.compile(r"\w+")


class EchoGuard:
    """Counts interruptions in a row that nobody made.

    One counts if it comes within `WITHIN_S` of the reply's beginning and what was then heard was
    nothing, or mostly words that the agent itself was saying. Texts are kept for one reply only.
    """

    def __init__(self) -> None:
        self._in_a_row = 0
        self._began_s: float | None = None
        self._said: set[str] = set()
        self._suspected: set[str] | None = None
        self._heard: str | None = None

    def note(self, event: Event, now_s: float) -> bool:
        """Take note of what happens; tell whether it is an echo for sure now."""
        match event:
            case ReplyStarted():
                if self._suspected is not None:
                    self._judge("")
                self._began_s, self._said, self._heard = now_s, set(), None
            case ReplyDone(_, interrupted) if self._began_s is not None:
                early = now_s - self._began_s <= WITHIN_S
                self._began_s = None
                if not (interrupted and early):
                    self._in_a_row = 0
                    return False
                self._suspected = self._said
                if self._heard is not None:
                    self._judge(self._heard)
        return self._in_a_row >= IN_A_ROW

    def said(self, text: str) -> None:
        """Take what the agent says."""
        self._said |= _words(text)

    def heard(self, text: str) -> bool:
        """Take what the user is said to have said, in full; tell whether it is an echo for sure."""
        if self._suspected is not None:
            self._judge(text)
        else:
            self._heard = text
        return self._in_a_row >= IN_A_ROW

    def _judge(self, heard: str) -> None:
        words, suspected = _words(heard), self._suspected or set()
        self._suspected = self._heard = None
        own = len(words & suspected)
        is_echo = own >= OWN_WORDS_SHARE * len(words)
        self._in_a_row = self._in_a_row + 1 if is_echo else 0


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower()))
