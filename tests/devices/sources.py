"""Things to play."""

import threading
import time
from array import array

FULL = 8000


class Tone:
    """A loud square wave that can be switched off at once."""

    def __init__(self, *, sounding: bool = True) -> None:
        self.sounding = sounding
        self.pulled_bytes = 0
        self.played_frames = 0
        self.first_loud_pull_s: float | None = None

    def pull(self, n_bytes):
        self.pulled_bytes += n_bytes
        if not self.sounding:
            return bytes(n_bytes)
        if self.first_loud_pull_s is None:
            self.first_loud_pull_s = time.monotonic()
        return square(n_bytes // 2)

    def played(self, n_frames):
        self.played_frames = n_frames


class Clip:
    """Plays some sound once, then silence, and knows when each frame was said to be heard."""

    def __init__(self, pcm: bytes) -> None:
        self.pcm = pcm
        self._at = 0
        self.marks: list[tuple[float, int]] = []
        self.heard = threading.Event()

    def pull(self, n_bytes):
        piece = self.pcm[self._at : self._at + n_bytes]
        self._at += n_bytes
        return piece.ljust(n_bytes, b"\0")

    def played(self, n_frames):
        self.marks.append((time.monotonic(), n_frames))
        if n_frames * 2 >= len(self.pcm):
            self.heard.set()

    def heard_at_s(self) -> float:
        return next(at_s for at_s, n_frames in self.marks if n_frames * 2 >= len(self.pcm))


def square(n_samples: int) -> bytes:
    cycle = array("h", [FULL] * 24 + [-FULL] * 24).tobytes()
    return (cycle * (n_samples * 2 // len(cycle) + 1))[: n_samples * 2]
