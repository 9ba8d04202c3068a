"""How often something may happen: a token bucket."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class TokenBucket:
    """Lets some things happen at once, and then one each time its refill has passed.

    Attributes:
        capacity: How many at once.
        refill_s: How long until there is one token more.
    """

    capacity: float
    refill_s: float
    _tokens: float = field(init=False)
    _counted_s: float | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._tokens = self.capacity

    def take(self, now_s: float) -> float:
        """Take a token; return 0, or in how many seconds there will be one if there is none.

        Args:
            now_s: Of a clock that passes evenly.
        """
        self._refill(now_s)
        if self._tokens < 1:
            return (1 - self._tokens) * self.refill_s
        self._tokens -= 1
        return 0.0

    def is_full(self, now_s: float) -> bool:
        """Return whether all of it could be taken at once."""
        self._refill(now_s)
        return self._tokens >= self.capacity

    def _refill(self, now_s: float) -> None:
        if self._counted_s is not None:
            passed_s = max(0.0, now_s - self._counted_s)
            self._tokens = min(self.capacity, self._tokens + passed_s / self.refill_s)
        self._counted_s = now_s
