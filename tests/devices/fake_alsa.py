"""A stand-in for the module `alsaaudio`, for faults that the rig cannot make."""

import threading
import time
from types import SimpleNamespace

from voiced.devices.sound.encodings import ENCODINGS

XRUN = -32
RING_PERIODS = 4


class AlsaError(Exception):
    pass


class FakePcm:
    """A PCM in real time whose next answers can be scripted.

    Attributes:
        faults: What the next reads or writes do instead: return a number or raise.
        written: Every piece of sound accepted.
        underruns: How often it had nothing left to play when sound came.
    """

    def __init__(self, **asked):
        self.asked = asked
        self.parameters = {
            "rate": asked["rate"],
            "channels": asked["channels"],
            "period_size": asked["periodsize"],
            "buffer_size": asked["periodsize"] * asked["periods"],
            "format_name": asked["format"],
        }
        self.faults = []
        self.written = []
        self.n_reads = 0
        self.underruns = 0
        self.dropped = threading.Event()
        self.closed = False
        self.stalled = False
        self.on_drop = lambda: None
        self._drained_s = 0.0

    @property
    def period_s(self):
        return self.parameters["period_size"] / self.parameters["rate"]

    def info(self):
        return self.parameters

    def read(self):
        if self.stalled:
            self.dropped.wait()
            raise AlsaError("File descriptor in bad state [fake]")
        if self.faults:
            return self._fail(), b""
        time.sleep(self.period_s)
        self.n_reads += 1
        frame = b"".join(
            (1000 * channel + self.n_reads).to_bytes(2, "little")
            for channel in range(self.parameters["channels"])
        )
        return self.parameters["period_size"], frame * self.parameters["period_size"]

    def write(self, sound):
        if self.faults:
            return self._fail()
        self.written.append(bytes(sound))
        n_frames = len(sound) // (2 * self.parameters["channels"])
        self.underruns += 0 < self._drained_s < time.monotonic()
        ends_s = max(time.monotonic(), self._drained_s) + n_frames / self.parameters["rate"]
        self._drained_s = ends_s
        return n_frames

    def avail(self):
        if self.stalled:
            return 0
        held_s = max(0.0, self._drained_s - time.monotonic())
        return self.parameters["buffer_size"] - round(held_s * self.parameters["rate"])

    def drop(self):
        self.on_drop()
        self._drained_s = 0.0
        self.dropped.set()

    def close(self):
        self.closed = True

    def _fail(self):
        fault = self.faults.pop(0)
        if isinstance(fault, Exception):
            raise fault
        if callable(fault):
            return fault()
        return fault


def fake_alsa(prepare=lambda pcm: None, refuse=None):
    """Return a library whose only PCM is `library.opened`; `prepare` sets it up."""
    library = SimpleNamespace(
        ALSAAudioError=AlsaError,
        PCM_CAPTURE=1,
        PCM_PLAYBACK=0,
        PCM_NORMAL=0,
        PCM_NONBLOCK=1,
        opened=None,
        **{f"PCM_FORMAT_{name}": name for name in ENCODINGS},
    )

    def open_pcm(**asked):
        if refuse is not None:
            raise AlsaError(f"{refuse} [fake]")
        library.opened = FakePcm(**asked)
        prepare(library.opened)
        return library.opened

    library.PCM = open_pcm
    return library
