"""The queue of captured sound for the agent, kept until the agent has acknowledged it.

The queue is bounded and drops the oldest sound first. Sound that was sent but not acknowledged when a link is
lost is sent again on the next one, in order. The newest period is always kept, whatever the capacity: the
limit is for the backlog, not for live sound.
"""

from collections import deque
from dataclasses import dataclass

from voiced.core.pcm import PcmFormat

LIVE_MS = 1000.0
"""How much may be queued while a link sends it, even if the capacity for a lost link is less."""


@dataclass(slots=True, eq=False)
class _Chunk:
    pcm: bytes
    pcm_format: PcmFormat
    duration_ms: float
    position: int | None = None


class UplinkQueue:
    """Keeps captured sound. Putting never waits.

    Attributes:
        capacity_ms: How much is kept while there is no link; with 0 nothing outlives its link.
        queued_ms: How much waits to be sent.
        dropped_ms: How much was dropped because the queue was full, since the start.
        dropped_periods: The same in periods.
        replayed_periods: Periods queued again because their link was lost.
        lead: The last chunk the agent has, if the queue continues it without a gap.
    """

    def __init__(self, capacity_ms: float) -> None:
        self.capacity_ms = capacity_ms
        self._waiting: deque[_Chunk] = deque()
        self._in_flight: deque[_Chunk] = deque()
        self._in_flight_ms = 0.0
        self.queued_ms = 0.0
        self.dropped_ms = 0.0
        self.dropped_periods = 0
        self.replayed_periods = 0
        self.lead: tuple[bytes, PcmFormat] | None = None

    @property
    def held_ms(self) -> float:
        """How much the agent has not acknowledged, queued or sent."""
        return self.queued_ms + self._in_flight_ms

    def put(self, pcm: bytes, pcm_format: PcmFormat) -> None:
        """Append one period; if there is no room, drop the oldest ones, never this one."""
        chunk = _Chunk(pcm, pcm_format, pcm_format.duration_ms(len(pcm)))
        self._waiting.append(chunk)
        self.queued_ms += chunk.duration_ms
        room_ms = max(self.capacity_ms, LIVE_MS) if self._in_flight else self.capacity_ms
        self._make_room(max(room_ms, chunk.duration_ms))

    def take(self) -> tuple[bytes, PcmFormat] | None:
        """Return the oldest queued period, or None. It counts as sent, not yet acknowledged."""
        if not self._waiting:
            return None
        chunk = self._waiting.popleft()
        # Rounding errors must not add up over weeks.
        self.queued_ms = self.queued_ms - chunk.duration_ms if self._waiting else 0.0
        self._in_flight.append(chunk)
        self._in_flight_ms += chunk.duration_ms
        return chunk.pcm, chunk.pcm_format

    def sent(self, position: int) -> None:
        """Record that everything taken so far has been written, up to `position` of the link in bytes."""
        for chunk in reversed(self._in_flight):
            if chunk.position is not None:
                break
            chunk.position = position

    def acknowledge(self, position: int) -> None:
        """Drop what the agent has: everything written up to `position` in bytes."""
        in_flight = self._in_flight
        while in_flight and (end := in_flight[0].position) is not None and end <= position:
            chunk = in_flight.popleft()
            self._in_flight_ms = self._in_flight_ms - chunk.duration_ms if in_flight else 0.0
            self.lead = chunk.pcm, chunk.pcm_format

    def rewind(self) -> None:
        """Queue unacknowledged sound again, in order, as far as the capacity allows: its link is gone."""
        self.queued_ms += self._in_flight_ms
        self._in_flight_ms = 0.0
        self.replayed_periods += len(self._in_flight)
        while self._in_flight:
            chunk = self._in_flight.pop()
            chunk.position = None
            self._waiting.appendleft(chunk)
        self._make_room(self.capacity_ms)

    def keep_newest(self, keep_ms: float) -> None:
        """Drop all but the newest `keep_ms`, on purpose: it is not counted as dropped."""
        while self.held_ms > keep_ms:
            self._drop_oldest()
        if not keep_ms:
            self.lead = None

    def _make_room(self, room_ms: float) -> None:
        while self.held_ms > room_ms:
            self.dropped_ms += self._drop_oldest()
            self.dropped_periods += 1

    def _drop_oldest(self) -> float:
        self.lead = None
        if in_flight := self._in_flight:
            chunk = in_flight.popleft()
            self._in_flight_ms = self._in_flight_ms - chunk.duration_ms if in_flight else 0.0
        else:
            chunk = self._waiting.popleft()
            self.queued_ms = self.queued_ms - chunk.duration_ms if self._waiting else 0.0
        return chunk.duration_ms
