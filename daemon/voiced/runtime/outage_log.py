"""Log messages of an outage: each reason once as a warning, repeats at debug level, and the recovery.

An outage is over once a session holds.
"""

import logging

from voiced.core.events import AgentReady, Event, LinkLost, SessionEnded, TimerFired
from voiced.core.state import Conversation, Phase

log = logging.getLogger(__name__)

REASONS_TOLD = 20
"""How many different reasons of one outage are logged as warnings."""


class OutageLog:
    """Logs lost and restored links."""

    def __init__(self) -> None:
        self._told: set[str] = set()
        self._is_back_told = True
        self._silences: set[Phase] = set()

    def noticed(self, before: Conversation, event: Event, now: Conversation) -> None:
        """Log the event, if it is news."""
        match event:
            case LinkLost(reason):
                self._tell_loss(reason)
            case SessionEnded() if now.phase is Phase.CONNECTING:
                self._tell_loss(now.cause)
            case TimerFired("silence"):
                self._tell_silence(before.phase)
            case TimerFired("steady") if self._told:
                self._told.clear()
                if before.early_ends:
                    log.info("the agent's sessions last again")
            case AgentReady() if before.cut_off and not self._is_back_told:
                self._is_back_told = True
                new = before.resume_key is None
                log.info("%s", "a new conversation begins" if new else "the session goes on")
            case _:
                pass

    def _tell_silence(self, phase: Phase) -> None:
        level = logging.DEBUG if phase in self._silences else logging.WARNING
        log.log(level, "the agent went silent while %s, and did not end it", phase.value)
        self._silences.add(phase)

    def _tell_loss(self, reason: str) -> None:
        news = reason not in self._told and len(self._told) < REASONS_TOLD
        log.log(logging.WARNING if news else logging.DEBUG, "link lost: %s", reason)
        if news:
            self._told.add(reason)
            self._is_back_told = False
