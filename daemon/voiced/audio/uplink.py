"""Captured sound waiting to leave: a bounded queue that forgets the oldest first."""

from collections import deque

from voiced.core.pcm import PcmFormat


class UplinkQueue:
    """Holds at most `capacity_ms` of captured sound. Putting never waits.

    Attributes:
        queued_ms: How much is held.
        dropped_ms: How much was forgotten for want of room, since the start.
        dropped_periods: In how many pieces.
    """

    def __init__(self, capacity_ms: float) -> None:
        self._capacity_ms = capacity_ms
        self._chunks: deque[tuple[bytes, PcmFormat, float]] = deque()
        self.queued_ms = 0.0
        self.dropped_ms = 0.0
        self.dropped_periods = 0

    def put(self, pcm: bytes, pcm_format: PcmFormat) -> None:
        """Append one period, forgetting the oldest ones when there is no room."""
        duration_ms = pcm_format.duration_ms(len(pcm))
        self._chunks.append((pcm, pcm_format, duration_ms))
        self.queued_ms += duration_ms
        while self.queued_ms > self._capacity_ms:
            self.dropped_ms += self._remove_oldest()[2]
            self.dropped_periods += 1

    def take(self) -> tuple[bytes, PcmFormat] | None:
        """Remove and return the oldest period, or None."""
        return self._remove_oldest()[:2] if self._chunks else None

    def clear(self) -> None:
        """Forget everything, on purpose: nothing is counted."""
        self._chunks.clear()
        self.queued_ms = 0.0

    def _remove_oldest(self) -> tuple[bytes, PcmFormat, float]:
        oldest = self._chunks.popleft()
        # Rounding errors must not add up over weeks.
        self.queued_ms = self.queued_ms - oldest[2] if self._chunks else 0.0
        return oldest
