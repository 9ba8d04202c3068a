"""Playing to a sound card through ALSA: one thread, everything else on the event loop.

`drop` must take effect within a millisecond, but a `write` after it restarts the device. A writer that blocks, or
is preempted between check and write, would play sound pulled before the drop. So the thread sleeps until the ring
has room, pulls, and then checks for a drop and writes without blocking under a lock that `drop` takes too.

The ring is filled only to five periods, whatever its size, because that is the delay of every reply. The thread
wakes when two are left, which is its slack: on a small board, waking up costs more than the work itself. While
there is only silence to play, it fills further ahead.
"""

import os
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from voiced.core.pcm import PcmFormat
from voiced.devices.device_thread import Ending
from voiced.devices.sound.alsa_pcm import XRUN, AlsaLibrary, OpenPcm, Wanted, alsa_library, lost
from voiced.devices.sound.alsa_stream import AlsaStream
from voiced.devices.sound.channels import to_all_channels
from voiced.devices.sound.driver_calls import Again
from voiced.devices.sound.mixer import ANY, OFF, AlsaMixer, playback_mixer
from voiced.devices.sound.opening import open_wanted
from voiced.devices.sound.recovery import CardRecovery
from voiced.devices.sound.xruns import BurstLog
from voiced.ports import SoundSource

_RING_PERIODS = 50
_FULL_PERIODS = 5
_RESTING_PERIODS = 50
_LOW_PERIODS = 2
_LOOK_AGAIN_S = 0.002  # the shortest sleep: devices report their position in steps


class AlsaSpeaker:
    """A playback device by USB `VID:PID`, card id or the name of a PCM in the files of ALSA, or `auto`.

    Args:
        device: Its name.
        period_ms: How much sound to pull at a time.
        partner: The device of the other direction, which `auto` prefers.
        mixer: The card's own control for the volume: its name, `auto` or `none`.
        alsa: The library to open it with; `alsaaudio` if None.
        recovery: Handles the quirks and failures of the card.
    """

    def __init__(
        self,
        device: str,
        *,
        period_ms: int = 20,
        partner: str | None = None,
        mixer: str = OFF,
        alsa: AlsaLibrary | None = None,
        recovery: CardRecovery | None = None,
    ) -> None:
        self._wanted = Wanted(device, "playback", period_ms, _RING_PERIODS, 0, partner)
        self._mixer = mixer
        self._alsa = alsa
        self._recovery = recovery or CardRecovery()

    @asynccontextmanager
    async def open(self) -> AsyncIterator["AlsaPlayback"]:
        again = Again(self, _close)
        calls, device = self._recovery.calls, self._wanted.device
        opened, mixer = await calls.call("opening", device, self._open_now, again=again)
        playback = AlsaPlayback(opened, mixer)
        try:
            async with self._recovery.attend(playback, opened.choice, opened.period_s):
                yield playback
        finally:
            if mixer is not None:
                mixer.close()

    def _open_now(self) -> tuple[OpenPcm, AlsaMixer | None]:
        wanted = self._wanted
        opened = open_wanted(self._alsa or alsa_library(), wanted, self._recovery.asound)
        name = opened.choice.name
        card = name.card
        if card is None and self._mixer == ANY:
            return opened, None
        device = name.pcm if card is None else f"hw:CARD={card.id}"
        return opened, playback_mixer(device, self._mixer)


def _close(found: tuple[OpenPcm, AlsaMixer | None]) -> None:
    """Close a device that was opened too late."""
    opened, mixer = found
    if mixer is not None:
        mixer.close()
    opened.close()


class AlsaPlayback(AlsaStream):
    """An open playback device.

    Attributes:
        format: What it pulls.
        mixer: The card's own volume control, or None.
    """

    def __init__(self, opened: OpenPcm, mixer: AlsaMixer | None = None) -> None:
        super().__init__(opened)
        self.mixer = mixer
        self.format = PcmFormat(opened.format.rate_hz)
        self._set_full(_FULL_PERIODS)
        self._burst = BurstLog(opened.device, "underrun")
        self._lock = threading.Lock()
        self._drops = 0
        self._ring_is_empty = True

    async def run(self, source: SoundSource) -> None:
        await self._move("playback", Ending(), lambda: self._play_on(source))

    def drop(self) -> None:
        with self._lock:
            self._drops += 1
            self._ring_is_empty = True
            self.opened.drop()
        self._wake.set()

    def relax(self, relaxed: bool, /) -> None:  # noqa: FBT001 - as the port says
        self._set_full(_RESTING_PERIODS if relaxed else _FULL_PERIODS)
        self._wake.set()

    def _set_full(self, n_periods: int) -> None:
        self._full_frames = min(self.opened.period_frames * n_periods, self.opened.ring_frames)

    def _play_on(self, source: SoundSource) -> None:
        while True:
            self._wake.clear()  # before the look, or a `set` in between would be lost
            if self._stopping:
                return
            self._wake.wait(self._top_up(source))

    def _top_up(self, source: SoundSource) -> float:
        """Fill the ring to its target level; return how long to sleep, in seconds."""
        period_frames, full_frames = self.opened.period_frames, self._full_frames
        looked_s = time.monotonic()
        with self._lock:
            drops = self._drops
            held_frames = self._held_frames()
        source.played(self.periods * period_frames - held_frames)
        n_periods = (full_frames - held_frames) // period_frames
        if n_periods > 0:
            period_bytes = period_frames * self.format.frame_bytes
            sound = source.pull(n_periods * period_bytes)
            self.periods += n_periods
            with self._lock:
                if self._drops == drops:
                    self._write(sound)
            self._burst.settle(time.monotonic())
            held_frames += n_periods * period_frames
        low_frames = min(_LOW_PERIODS * period_frames, full_frames - period_frames)
        low_s = looked_s + (held_frames - low_frames) / self.format.rate_hz
        return max(low_s - time.monotonic(), _LOOK_AGAIN_S)  # it kept playing meanwhile

    def _held_frames(self) -> int:
        """Return how many frames the device has not played yet."""
        if self._ring_is_empty:
            return 0
        avail = self.opened.pcm.avail()
        if avail == XRUN:
            return 0
        if avail < 0:
            raise lost(self.opened.device, OSError(os.strerror(-avail)))
        return max(0, self.opened.ring_frames - avail)

    def _write(self, mono: bytes) -> None:
        # There was room for all of it before the pull, so the write is never partial. On an underrun nothing
        # is written, so the same sound is written again.
        sound = to_all_channels(mono, self.opened.format.channels, self.opened.encoding)
        if self.opened.pcm.write(sound) == XRUN:
            self.xruns += 1
            self._burst.note(time.monotonic())
            self.opened.pcm.write(sound)
        self._ring_is_empty = False
