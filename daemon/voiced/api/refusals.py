"""Refused requests: always counted, logged at most once a minute.

A stranger can be refused as often as the network allows; the log must not grow with it.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable

log = logging.getLogger(__name__)

TELL_EVERY_S = 60.0

# Reasons of refusals without an HTTP status.
ABORTED = "aborted"
LATE = "late"
CROWDED = "crowded"
TLS = "tls"
UNMASKED = "unmasked"

_UNTOLD = frozenset({ABORTED, LATE})  # honest browsers cause these all day


class Refusals:
    """Counts refused requests.

    Args:
        clock: Returns monotonic time in seconds.

    Attributes:
        counts: Refusals by server and reason.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self._clock = clock
        self._new: Counter[tuple[str, str]] = Counter()
        self._told_s: float | None = None
        self._failed_s: float | None = None

    def add(self, server: str, reason: str) -> None:
        """Count a refusal by an HTTP status or one of the words above; log all new ones if that is due."""
        self.counts[server, reason] += 1
        self._new[server, reason] += 1
        if reason in _UNTOLD or not self._is_due(self._told_s):
            return
        self._told_s = self._clock()
        told = (f"{server} {reason} ({n}x)" for (server, reason), n in sorted(self._new.items()))
        self._new.clear()
        log.info("requests refused: %s; at most one such line a minute", ", ".join(told))

    def fail(self, server: str, error: Exception) -> None:
        """Count a request that failed by a bug of ours; log the `error` if that is due."""
        self.counts[server, "500"] += 1
        if self._is_due(self._failed_s):
            self._failed_s = self._clock()
            log.error("%s: a request failed", server, exc_info=error)

    def _is_due(self, before_s: float | None) -> bool:
        return before_s is None or self._clock() - before_s >= TELL_EVERY_S
