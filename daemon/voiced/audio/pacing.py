"""Pacing: how fast a backlog of captured sound may be sent."""

BURST_MS = 200.0


class Pacer:
    """Spreads a backlog over time; sound sent as it is captured never waits.

    In any interval, no more sound leaves than the speed times that interval plus 200 ms (or
    plus one chunk, if chunks are longer than that).
    """

    def __init__(self) -> None:
        self._paid_until_s = float("-inf")
        self._lead_s = 0.0
        self._lead_at_s = 0.0

    def lead_s(self, now_s: float) -> float:
        """Return how far what was sent is ahead of real time."""
        return max(self._lead_s - max(now_s - self._lead_at_s, 0.0), 0.0)

    def wait_s(self, duration_ms: float, now_s: float, speed: float) -> float:
        """Return how long to wait before the next chunk, which then counts as sent; in seconds.

        Args:
            duration_ms: How long the chunk sounds.
            now_s: The time.
            speed: Seconds of sound that may leave per second, from now on.
        """
        burst_s = BURST_MS / 1000 / speed
        cost_s = duration_ms / 1000 / speed
        credit_s = max(burst_s - cost_s, 0.0)
        sent_s = max(now_s, self._paid_until_s - credit_s)
        self._paid_until_s = max(self._paid_until_s, sent_s) + cost_s
        self._lead_s, self._lead_at_s = self.lead_s(sent_s) + duration_ms / 1000, sent_s
        return sent_s - now_s
