"""Stand-ins for every port, scripted and inspectable."""

import asyncio
from contextlib import asynccontextmanager

import numpy as np

from voiced.agents.codec import HttpAnswer, ToolSpec
from voiced.core.pcm import PcmFormat
from voiced.errors import DeviceError
from voiced.ports import Remembered

PERIOD_MS = 20


RING_S = 0.2
"""How much a card holds for whoever comes late."""


class ScriptedMicrophone:
    """Captures what it was given, then silence: 20 ms periods, forever, by a clock of its own as a card does.

    Also the capture it opens. `unplug` makes it disappear until `plug`.
    """

    def __init__(self, rate_hz=16_000):
        self.format = PcmFormat(rate_hz)
        self.xruns = 0
        self.queue = bytearray()
        self.is_open = False
        self.times_opened = 0
        self.failure = lambda: DeviceError("scripted", "unplugged")
        self._here = asyncio.Event()
        self._here.set()

    def say(self, pcm):
        self.queue += pcm

    def unplug(self):
        self._here.clear()

    def plug(self):
        self._here.set()

    @asynccontextmanager
    async def open(self):
        if not self._here.is_set():
            raise self.failure()
        self.is_open = True
        self.times_opened += 1
        try:
            yield self
        finally:
            self.is_open = False

    def relax(self, relaxed):
        self.relaxed = relaxed

    async def run(self, deliver):
        n_bytes = self.format.bytes_in(PERIOD_MS)
        now_s = asyncio.get_running_loop().time
        due_s = now_s()
        while True:
            due_s = max(due_s + PERIOD_MS / 1000, now_s() - RING_S)
            await asyncio.sleep(due_s - now_s())
            if not self._here.is_set():
                raise self.failure()
            period = bytes(self.queue[:n_bytes])
            del self.queue[:n_bytes]
            deliver(period.ljust(n_bytes, b"\0"))


class RecordingSpeaker:
    """Pulls a period every 20 ms, holds `ring_periods` of them, remembers what was heard.

    Also the playback it opens. `unplug` makes it disappear until `plug`.
    """

    def __init__(self, rate_hz=48_000, ring_periods=3):
        self.format = PcmFormat(rate_hz)
        self.xruns = 0
        self.mixer = None
        self.heard = bytearray()
        self.drops = 0
        self._ring = bytearray()
        self.failure = lambda: DeviceError("recording", "unplugged")
        self._ring_bytes = ring_periods * self.format.bytes_in(PERIOD_MS)
        self._here = asyncio.Event()
        self._here.set()

    def unplug(self):
        self._here.clear()

    def plug(self):
        self._here.set()

    @asynccontextmanager
    async def open(self):
        if not self._here.is_set():
            raise self.failure()
        yield self

    async def run(self, source):
        n_bytes = self.format.bytes_in(PERIOD_MS)
        played = 0
        while True:
            while len(self._ring) < self._ring_bytes:
                self._ring += source.pull(n_bytes)
            await asyncio.sleep(PERIOD_MS / 1000)
            if not self._here.is_set():
                raise self.failure()
            self.heard += self._ring[:n_bytes]
            del self._ring[:n_bytes]
            played += n_bytes // self.format.frame_bytes
            source.played(played)

    def relax(self, relaxed):
        self.relaxed = relaxed

    def drop(self):
        self.drops += 1
        self._ring[:] = bytes(len(self._ring))

    @property
    def samples(self):
        return np.frombuffer(bytes(self.heard), "<i2")

    @property
    def sounding_ms(self):
        return np.count_nonzero(self.samples) / self.format.rate_hz * 1000


class RecordingMemory:
    """Remembers in this process only."""

    def __init__(self, volume=70, *, muted=False):
        self.kept = Remembered(volume, muted)

    def recall(self):
        return self.kept

    def remember(self, volume, *, muted):
        self.kept = Remembered(volume, muted)


class RecordingIndicator:
    """Also a light that tells whether sound may leave."""

    def __init__(self):
        self.shown = []
        self.leaving = False

    def tell_leaving(self, leaving, /):
        assert leaving != self.leaving
        self.leaving = leaving

    def show(self, status):
        self.shown.append(status.value)


class RecordingCaptions:
    def __init__(self):
        self.captions = []

    def caption(self, caption):
        self.captions.append(caption)

    def final(self, speaker):
        return [it.text for it in self.captions if it.final and it.speaker == speaker]


class CountingTap:
    def __init__(self):
        self.periods = 0

    def feed(self, pcm, pcm_format):
        assert len(pcm) == pcm_format.bytes_in(PERIOD_MS)
        self.periods += 1


class ManualWake:
    """Hands the runtime's `emit` to the test."""

    async def watch(self, emit):
        self.emit = emit
        await asyncio.Event().wait()


class ScriptedTool:
    """Answers after `delay_s`, or raises what it was given."""

    def __init__(self, name, answer=None, delay_s=0.0, timeout_s=120, **spec):
        self.spec = ToolSpec(name=name, description="For tests.", timeout_s=timeout_s, **spec)
        self.calls = []
        self.finished = 0
        self._answer = answer
        self._delay_s = delay_s

    async def call(self, arguments, controls):
        self.calls.append(arguments)
        await asyncio.sleep(self._delay_s)
        self.finished += 1
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


class ScriptedHttp:
    """Answers every call with the next answer of a list."""

    def __init__(self, *answers):
        self.calls = []
        self._answers = list(answers)

    async def __call__(self, call):
        self.calls.append(call)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, HttpAnswer) else HttpAnswer(200, answer)
