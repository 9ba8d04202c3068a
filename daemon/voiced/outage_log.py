"""What the log says of an outage: each reason aloud once, its repeats quietly, and the recovery."""

import logging

from voiced.core.events import AgentReady, Event, LinkLost
from voiced.core.state import Conversation

log = logging.getLogger(__name__)

REASONS_TOLD = 20
"""How many different reasons of one outage are logged aloud."""


class OutageLog:
    """Tells of links lost and found."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def noticed(self, before: Conversation, event: Event) -> None:
        """Log it, if it is news."""
        match event:
            case LinkLost(reason):
                news = reason not in self._told and len(self._told) < REASONS_TOLD
                log.log(logging.WARNING if news else logging.DEBUG, "link lost: %s", reason)
                self._told.add(reason)
            case AgentReady() if self._told:
                self._told.clear()
                new = before.resume_key is None and before.cut_off
                log.info("%s", "a new conversation begins" if new else "the session goes on")
            case _:
                pass
