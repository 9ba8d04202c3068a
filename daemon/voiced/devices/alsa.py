"""A sound card through ALSA: one thread a direction, everything else on the event loop.

Capture blocks in `read`, the one call that wakes exactly when a period is complete, and ends
within a period of being told to. A read that does not return is made to fail by `drop`.

Playback must obey `drop` within a millisecond, and `write` after a drop starts the device again:
a writer that blocks, or that is caught between looking and writing, would play sound pulled
before the drop. So the thread sleeps until the ring has room, pulls, and then holds a lock for
looking whether a drop came between and for a write that cannot block; `drop` takes the same lock.
The ring is kept only three periods full, whatever it could hold: that is the delay of every
reply, and the slack for a late thread.
"""

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from voiced.core.pcm import PcmFormat
from voiced.devices.alsapcm import (
    XRUN,
    AlsaLibrary,
    OpenPcm,
    Wanted,
    alsa_library,
    lost,
    open_pcm,
)
from voiced.devices.cards import ASOUND, resolve
from voiced.devices.channels import one_channel, to_all_channels
from voiced.devices.handover import DeviceThread, Ending, Handover
from voiced.devices.xruns import BurstLog, LostTime
from voiced.ports import SoundSource

_CAPTURE_RING_PERIODS = 16  # slack for a stall of 320 ms; costs no latency
_PLAYBACK_RING_PERIODS = 4
_PLAYBACK_FULL_PERIODS = 3
_HANDOVER_PERIODS = 64
_LOOK_AGAIN_S = 0.002  # devices report their position in steps


class AlsaMicrophone:
    """A capture device by USB `VID:PID`, card id or ALSA PCM name.

    Args:
        device: That name.
        channel: The one channel to listen to, from 0. Channels are never mixed.
        period_ms: How much sound to deliver at a time.
        alsa: The library to open it with; `alsaaudio` if None.
        asound: Where the kernel describes the cards.
    """

    def __init__(
        self,
        device: str,
        *,
        channel: int = 0,
        period_ms: int = 20,
        alsa: AlsaLibrary | None = None,
        asound: Path = ASOUND,
    ) -> None:
        self._wanted = Wanted(device, "capture", period_ms, _CAPTURE_RING_PERIODS, channel)
        self._alsa = alsa
        self._asound = asound

    @asynccontextmanager
    async def open(self) -> AsyncIterator["AlsaCapture"]:
        opened = await _open(self._wanted, self._alsa, self._asound)
        capture = AlsaCapture(opened, self._wanted.channel)
        try:
            yield capture
        finally:
            capture.close()


class AlsaCapture:
    """An open capture device.

    Attributes:
        format: What it delivers.
        periods: How many periods were captured.
        xruns: How many overruns there were.
    """

    def __init__(self, opened: OpenPcm, channel: int) -> None:
        self.format = PcmFormat(opened.format.rate_hz)
        self.periods = 0
        self.xruns = 0
        self._opened = opened
        self._channel = channel
        self._silenced = 0
        self._handover: Handover | None = None
        self._stopping = False
        self._stuck = False

    @property
    def lost_periods(self) -> int:
        """Periods lost to overruns, heard as silence, or to a loop that stood still."""
        return self._silenced + (self._handover.lost if self._handover else 0)

    async def run(self, deliver: Callable[[bytes], None]) -> None:
        self._stopping = False
        ending = Ending()
        self._handover = handover = Handover(deliver, ending, _HANDOVER_PERIODS)
        device = self._opened.device
        thread = DeviceThread("capture", device, ending, lambda: self._read_on(handover))
        try:
            await thread.watch(lambda: self.periods)
        finally:
            self._stopping = True
            self._stuck = not thread.join(self._opened.drop)

    def close(self) -> None:
        """Let go of the device."""
        if not self._stuck:
            self._opened.close()

    def _read_on(self, handover: Handover) -> None:
        try:
            self._read_periods(handover)
        except self._opened.alsa.ALSAAudioError as error:
            if not self._stopping:
                raise lost(self._opened.device, error) from error

    def _read_periods(self, handover: Handover) -> None:
        opened = self._opened
        silence = bytes(opened.period_frames * self.format.frame_bytes)
        burst = BurstLog(opened.device, "overrun")
        lost_time = LostTime(opened.period_s)
        overrun = False
        while not self._stopping:
            n_frames, sound = opened.pcm.read()
            now_s = time.monotonic()
            if n_frames == XRUN:
                self.xruns += 1
                burst.note(now_s)
                overrun = True
            elif n_frames == opened.period_frames:  # a short one is the last before an overrun
                if overrun:
                    overrun = False
                    n_missing = lost_time.lost(now_s)
                    self._silenced += n_missing
                    for _ in range(min(n_missing, _HANDOVER_PERIODS - 1)):
                        handover.put(silence)
                lost_time.received(now_s)
                handover.put(one_channel(sound, self._channel, opened.format.channels))
                self.periods += 1
                burst.settle(now_s)


class AlsaSpeaker:
    """A playback device by USB `VID:PID`, card id or ALSA PCM name.

    Args:
        device: That name.
        period_ms: How much sound to pull at a time.
        alsa: The library to open it with; `alsaaudio` if None.
        asound: Where the kernel describes the cards.
    """

    def __init__(
        self,
        device: str,
        *,
        period_ms: int = 20,
        alsa: AlsaLibrary | None = None,
        asound: Path = ASOUND,
    ) -> None:
        self._wanted = Wanted(device, "playback", period_ms, _PLAYBACK_RING_PERIODS)
        self._alsa = alsa
        self._asound = asound

    @asynccontextmanager
    async def open(self) -> AsyncIterator["AlsaPlayback"]:
        playback = AlsaPlayback(await _open(self._wanted, self._alsa, self._asound))
        try:
            yield playback
        finally:
            playback.close()


class AlsaPlayback:
    """An open playback device.

    Attributes:
        format: What it pulls.
        periods: How many periods were pulled.
        underruns: How many underruns there were.
    """

    def __init__(self, opened: OpenPcm) -> None:
        self.format = PcmFormat(opened.format.rate_hz)
        self.periods = 0
        self.underruns = 0
        self._opened = opened
        self._full_frames = min(opened.period_frames * _PLAYBACK_FULL_PERIODS, opened.ring_frames)
        self._burst = BurstLog(opened.device, "underrun")
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._drops = 0
        self._ring_is_empty = True
        self._stopping = False
        self._stuck = False

    async def run(self, source: SoundSource) -> None:
        self._stopping = False
        ending = Ending()
        device = self._opened.device
        thread = DeviceThread("playback", device, ending, lambda: self._play_on(source))
        try:
            await thread.watch(lambda: self.periods)
        finally:
            self._stopping = True
            self._wake.set()
            self._stuck = not thread.join(self._opened.drop)

    def drop(self) -> None:
        with self._lock:
            self._drops += 1
            self._ring_is_empty = True
            self._opened.drop()
        self._wake.set()

    def close(self) -> None:
        """Let go of the device without playing out what it holds."""
        if not self._stuck:
            self._opened.close()

    def _play_on(self, source: SoundSource) -> None:
        try:
            while True:
                self._wake.clear()
                if self._stopping:
                    return
                self._wake.wait(self._top_up(source))
        except self._opened.alsa.ALSAAudioError as error:
            raise lost(self._opened.device, error) from error

    def _top_up(self, source: SoundSource) -> float:
        """Fill the ring as far as we want it; return for how long there is nothing to do."""
        period_frames = self._opened.period_frames
        with self._lock:
            drops = self._drops
            held_frames = self._held_frames()
        source.played(self.periods * period_frames - held_frames)
        n_periods = (self._full_frames - held_frames) // period_frames
        if n_periods > 0:
            period_bytes = period_frames * self.format.frame_bytes
            sound = b"".join(source.pull(period_bytes) for _ in range(n_periods))
            self.periods += n_periods
            with self._lock:
                if self._drops == drops:
                    self._write(sound)
            self._burst.settle(time.monotonic())
            held_frames += n_periods * period_frames
            until_room_frames = held_frames - self._full_frames + period_frames
            return until_room_frames / self.format.rate_hz
        return _LOOK_AGAIN_S

    def _held_frames(self) -> int:
        """Return how many frames the device has not played yet."""
        if self._ring_is_empty:
            return 0
        avail = self._opened.pcm.avail()
        if avail == XRUN:
            return 0
        if avail < 0:
            raise lost(self._opened.device, OSError(os.strerror(-avail)))
        return max(0, self._opened.ring_frames - avail)

    def _write(self, mono: bytes) -> None:
        # The room for all of it was seen before pulling, so it is never taken in part.
        sound = to_all_channels(mono, self._opened.format.channels)
        if self._opened.pcm.write(sound) == XRUN:
            self.underruns += 1
            self._burst.note(time.monotonic())
            self._opened.pcm.write(sound)
        self._ring_is_empty = False


async def _open(wanted: Wanted, alsa: AlsaLibrary | None, asound: Path) -> OpenPcm:
    def open_now() -> OpenPcm:
        name = resolve(wanted.device, wanted.direction, asound)
        return open_pcm(alsa or alsa_library(), wanted, name)

    return await asyncio.to_thread(open_now)
