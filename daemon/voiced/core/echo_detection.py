"""Detection of an agent that keeps being interrupted by its own voice."""

import re

from voiced.core.events import Event, ReplyDone, ReplyStarted

WITHIN_S = 2.5
"""An echo interrupts early: agents take 0.3 to 2.2 s of speech for an interruption."""

IN_A_ROW = 3
OWN_WORDS_SHARE = 0.5
_WORD = re.compile(r"\w+")


class EchoGuard:
    """Counts consecutive interruptions that no person made.

    An interruption counts if it comes within `WITHIN_S` of the start of the reply, and the transcript that
    follows is empty or mostly the agent's own words. Texts are kept for one reply only.
    """

    def __init__(self) -> None:
        self._in_a_row = 0
        self._began_s: float | None = None
        self._said: set[str] = set()
        self._suspected: set[str] | None = None
        self._heard: str | None = None

    def note(self, event: Event, now_s: float) -> bool:
        """Process an event; return whether the echo is now certain."""
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
        """Record what the agent says."""
        self._said |= _words(text)

    def heard(self, text: str) -> bool:
        """Record a final transcript of the user; return whether the echo is now certain."""
        if self._suspected is not None:
            self._judge(text)
        else:
            self._heard = text
        return self._in_a_row >= IN_A_ROW

    def _judge(self, heard: str) -> None:
        words, suspected = _words(heard), self._suspected or set()
        self._suspected = self._heard = None
        own = len(words & suspected)
        is_echo = own >= OWN_WORDS_SHARE * len(words)  # an empty transcript is one too: 0 >= 0
        self._in_a_row = self._in_a_row + 1 if is_echo else 0


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower()))
