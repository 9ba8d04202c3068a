"""Watch for an agent that keeps interrupting itself because it hears its own voice."""

import logging
from collections.abc import Callable

from voiced.agents.codec import Caption
from voiced.core.echo_detection import EchoGuard
from voiced.core.events import EchoFound, Event

log = logging.getLogger(__name__)


class EchoWatch:
    """Dispatches EchoFound, once. Implements `CaptionSink`."""

    def __init__(self, dispatch: Callable[[Event], None]) -> None:
        self._dispatch = dispatch
        self._guard = EchoGuard()
        self._found = False

    def note(self, event: Event, now_s: float) -> None:
        """Process an event."""
        if self._guard.note(event, now_s):
            self._find()

    def caption(self, caption: Caption) -> None:
        """Compare the user's transcript with the agent's words."""
        if caption.speaker == "agent":
            self._guard.said(caption.text)
        elif caption.final and self._guard.heard(caption.text):
            self._find()

    def _find(self) -> None:
        if not self._found:
            self._found = True
            log.warning(
                "the agent keeps interrupting itself: it hears its own voice. Until the next "
                "start it does not listen while it speaks; see `voiced doctor --echo`"
            )
            self._dispatch(EchoFound())
