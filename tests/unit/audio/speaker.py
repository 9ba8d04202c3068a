"""A speaker as Playout sees one: a small ring, emptied by one period every 20 ms."""

import struct
from collections import deque

PERIOD_MS = 20
RING_PERIODS = 3


class FakeSpeaker:
    """Pulls whenever its ring has room.

    Attributes:
        heard: All that left the speaker.
        position: How many frames that were, or were dropped, since it was opened.
    """

    def __init__(self, playout):
        self.playout = playout
        self.heard = bytearray()
        self.open()

    def open(self):
        self.position = 0
        self.ring = deque()

    def tick(self):
        """Let one period pass."""
        if self.ring:
            period = self.ring.popleft()
            self.heard += period
            self.position += len(period) // 2
        self.playout.played(self.position)
        n_bytes = 2 * self.playout.rate_hz * PERIOD_MS // 1000
        while len(self.ring) < RING_PERIODS:
            pcm = self.playout.pull(n_bytes)
            assert len(pcm) == n_bytes
            self.ring.append(pcm)

    def drop(self):
        """Forget the ring; return what was in it."""
        held = b"".join(self.ring)
        self.position += len(held) // 2
        self.ring.clear()
        return held

    def tick_until_silent(self, limit=10_000):
        """Let time pass until nothing sounds, and the ring is empty of sound."""
        for _ in range(limit):
            self.tick()
            if not self.playout.sounding:
                return
        raise AssertionError("still sounding")


def samples_in(pcm):
    """Return the samples of `pcm` that are not silence."""
    return [sample for (sample,) in struct.iter_unpack("<h", pcm) if sample]


def tone(duration_ms, rate_hz, first=1):
    """Return `duration_ms` of samples that count up from `first`, none of them zero."""
    n_frames = duration_ms * rate_hz // 1000
    return struct.pack(f"<{n_frames}h", *((first + n) % 30_000 + 1 for n in range(n_frames)))
