"""When to try again what failed: later each time, and never in step with other devices."""

import random
from dataclasses import dataclass

_uniform = random.SystemRandom().uniform


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before something far away is tried again.

    Attributes:
        first_s: After the first failure; doubled by every further one.
        most_s: What it stays at.
        steady_s: How long a connection must last for the waits to begin anew.
    """

    first_s: float = 1.0
    most_s: float = 60.0
    steady_s: float = 30.0

    def pause_s(self, failures: int) -> float:
        """Return a random wait after so many failures before this one."""
        longest_s = min(self.first_s * 2.0 ** min(failures, 16), self.most_s)
        return _uniform(longest_s / 2.0, longest_s)
