"""How much of a reply to buffer before it starts to play."""

from collections import deque

FIRST_NEED_MS = 160.0  # gives 220 ms: an unknown network with 200 ms of jitter plays without a gap
REPLIES_REMEMBERED = 12
SAFETY = 1.25  # a reply whose first chunk was late shows less than the whole jitter
MARGIN_MS = 20.0  # the speaker pulls whole periods
FLOOR_MS = 60.0
CEILING_MS = 400.0


class StartThreshold:
    """Learns the threshold from how unevenly the last replies arrived.

    The lateness of a chunk is its arrival time minus its position in the sound. A reply needs as much buffer
    as its lateness grew over the earliest chunk. Replies that arrive faster than real time need none.
    """

    def __init__(self) -> None:
        self._needs_ms = deque([FIRST_NEED_MS], maxlen=REPLIES_REMEMBERED)
        self.begin()

    @property
    def ms(self) -> float:
        """How long to hold sound back, in milliseconds."""
        wanted_ms = SAFETY * max(self._needs_ms) + MARGIN_MS
        return min(max(wanted_ms, FLOOR_MS), CEILING_MS)

    def begin(self) -> None:
        """Expect the first chunk of another reply."""
        self._audio_ms = 0.0
        self._soonest_ms: float | None = None

    def observe(self, duration_ms: float, now_s: float) -> None:
        """Record that `duration_ms` more of the reply arrived."""
        late_ms = now_s * 1000 - self._audio_ms
        self._audio_ms += duration_ms
        if self._soonest_ms is None:
            self._soonest_ms = late_ms
            self._needs_ms.append(0.0)
        self._soonest_ms = min(self._soonest_ms, late_ms)
        need_ms = late_ms - self._soonest_ms
        if need_ms > CEILING_MS:
            # A stall, or a pause of the agent: no buffer bridges it, so it is not learned.
            self._soonest_ms = late_ms
        else:
            self._needs_ms[-1] = max(self._needs_ms[-1], need_ms)
