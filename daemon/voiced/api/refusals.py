"""What was refused from outside: counted always, told to the log at most once a minute.

Who has no token can make us refuse as often as the network lets them; the log must not grow by it.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable

log = logging.getLogger(__name__)

TELL_EVERY_S = 60.0

ABORTED = "aborted"
LATE = "late"
CROWDED = "crowded"
TLS = "tls"
UNMASKED = "unmasked"
"""Why somebody was sent away without an HTTP status."""

_UNTOLD = frozenset({ABORTED, LATE})
"""What honest browsers do all day."""


class Refusals:
    """Counts.

    Args:
        clock: Tells the time, in seconds.

    Attributes:
        counts: How often each server refused, by server and reason.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self._clock = clock
        self._new: Counter[tuple[str, str]] = Counter()
        self._told_s: float | None = None
        self._failed_s: float | None = None

    def add(self, server: str, reason: str) -> None:
        """Count a refusal, and tell of it and of those before if it is time for that.

        Args:
            server: Which of ours refused.
            reason: An HTTP status, or one of the words above.
        """
        self.counts[server, reason] += 1
        self._new[server, reason] += 1
        if reason in _UNTOLD or not self._is_due(self._told_s):
            return
        self._told_s = self._clock()
        told = (f"{server} {reason} ({n}x)" for (server, reason), n in sorted(self._new.items()))
        self._new.clear()
        log.info("requests refused: %s; at most one such line a minute", ", ".join(told))

    def fail(self, server: str, error: Exception) -> None:
        """Count a request that failed by a fault of ours, and log the `error` if it is time."""
        self.counts[server, "500"] += 1
        if self._is_due(self._failed_s):
            self._failed_s = self._clock()
            log.error("%s: a request failed", server, exc_info=error)

    def _is_due(self, before_s: float | None) -> bool:
        return before_s is None or self._clock() - before_s >= TELL_EVERY_S
