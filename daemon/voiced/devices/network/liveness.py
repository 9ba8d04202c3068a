"""Decide whether the peer of a link is alive, from the kernel's TCP state."""

from dataclasses import dataclass
from enum import Enum

from voiced.devices.network.tcp_info import TcpState

ROUND_TRIPS = 3.0
"""On a slow network, this many round trips without an acknowledgement are normal."""

LONGEST_DEAD_AFTER_S = 3.0


class Verdict(Enum):
    """What to do about a link."""

    ALIVE = "alive"
    ASK = "ask for a sign of life"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Patience:
    """Time limits in seconds.

    Attributes:
        dead_after_s: Sent data without an acknowledgement.
        ping_after_s: Silence before the peer is asked for a sign of life.
        silent_after_s: Silence before it counts as dead.
        look_every_s: Interval of checks while nothing is sent; sending checks too.
    """

    dead_after_s: float = 1.0
    ping_after_s: float = 4.0
    silent_after_s: float = 7.0
    look_every_s: float = 0.5


class LinkLiveness:
    """Judges one link from successive readings.

    Attributes:
        reason: Why it is dead; empty until then.
    """

    def __init__(self, patience: Patience) -> None:
        self.reason = ""
        self._patience = patience
        self._unanswered_since_s: float | None = None
        self._acknowledged_bytes = -1
        self._asked = False

    def judge(self, seen: TcpState, now_s: float) -> Verdict:
        """Judge by one more reading. Returns `ASK` until `asked` is called."""
        if self._is_unanswered(seen, now_s):
            self.reason = f"the network carried nothing for {self._dead_after_s(seen):.1f} s"
            return Verdict.DEAD
        if seen.since_data_s > self._patience.silent_after_s and self._asked:
            self.reason = f"the agent was silent for {self._patience.silent_after_s:g} s"
            return Verdict.DEAD
        if seen.since_data_s <= self._patience.ping_after_s:
            self._asked = False
        elif not self._asked:
            return Verdict.ASK
        return Verdict.ALIVE

    def asked(self) -> None:
        """Record that a ping was sent."""
        self._asked = True

    def _is_unanswered(self, seen: TcpState, now_s: float) -> bool:
        """Tell whether sent data has been unacknowledged for too long.

        The time since the last acknowledgement is not enough: before the data was sent, there was nothing to
        acknowledge.
        """
        moved = seen.acknowledged_bytes != self._acknowledged_bytes
        self._acknowledged_bytes = seen.acknowledged_bytes
        if not seen.n_unacknowledged:
            self._unanswered_since_s = None
            return False
        if self._unanswered_since_s is None or moved:
            self._unanswered_since_s = now_s
        unanswered_s = min(now_s - self._unanswered_since_s, seen.since_ack_s)
        return unanswered_s > self._dead_after_s(seen)

    def _dead_after_s(self, seen: TcpState) -> float:
        longest_s = max(self._patience.dead_after_s, LONGEST_DEAD_AFTER_S)
        return min(max(self._patience.dead_after_s, ROUND_TRIPS * seen.rtt_s), longest_s)
