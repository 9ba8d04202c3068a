"""A token bucket, which limits how often something may happen."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class TokenBucket:
    """Allows a burst of `capacity`, then one token every `refill_s`.

    Attributes:
        capacity: The most tokens.
        refill_s: Seconds per new token.
    """

    capacity: float
    refill_s: float
    _tokens: float = field(init=False)
    _counted_s: float | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._tokens = self.capacity

    def take(self, now_s: float) -> float:
        """Take a token and return 0, or return in how many seconds there will be one. The clock is monotonic."""
        self._refill(now_s)
        if self._tokens < 1:
            return (1 - self._tokens) * self.refill_s
        self._tokens -= 1
        return 0.0

    def is_full(self, now_s: float) -> bool:
        """Tell whether all tokens are there."""
        self._refill(now_s)
        return self._tokens >= self.capacity

    def _refill(self, now_s: float) -> None:
        if self._counted_s is not None:
            passed_s = max(0.0, now_s - self._counted_s)
            self._tokens = min(self.capacity, self._tokens + passed_s / self.refill_s)
        self._counted_s = now_s
