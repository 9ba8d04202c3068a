"""Capturing from a sound card through ALSA: one thread, everything else on the event loop.

The thread blocks in `read`, the only call that wakes exactly when a period is complete, and ends within a
period of being told to. `drop` makes a read that does not return fail. While no one listens, the thread lets the
ring fill and reads it in one go: on a small board, waking up costs more than the work itself.
"""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from voiced.core.pcm import PcmFormat
from voiced.devices.device_thread import Ending, Handover
from voiced.devices.sound.alsa_pcm import EVERY, XRUN, AlsaLibrary, OpenPcm, Wanted, alsa_library
from voiced.devices.sound.alsa_stream import AlsaStream
from voiced.devices.sound.channels import every_channel, one_channel
from voiced.devices.sound.driver_calls import Again
from voiced.devices.sound.opening import open_wanted
from voiced.devices.sound.recovery import CardRecovery
from voiced.devices.sound.xruns import BurstLog, LostTime

_RING_S = 1.28  # slack for a stall; costs no latency
_HANDOVER_PERIODS = 64
_REST_S = 0.8


class AlsaMicrophone:
    """A capture device by USB `VID:PID`, card id or the name of a PCM in the files of ALSA, or `auto`.

    Args:
        device: Its name.
        channel: The channel to deliver, from 0; None is the default of the card's profile; EVERY
            delivers all of them, interleaved. Channels are never mixed.
        period_ms: How much sound to deliver at a time.
        partner: The device of the other direction, which `auto` prefers.
        alsa: The library to open it with; `alsaaudio` if None.
        recovery: Handles the quirks and failures of the card.
    """

    def __init__(
        self,
        device: str,
        *,
        channel: int | None = None,
        period_ms: int = 20,
        partner: str | None = None,
        alsa: AlsaLibrary | None = None,
        recovery: CardRecovery | None = None,
    ) -> None:
        n_periods = max(4, round(_RING_S * 1000 / period_ms))
        self._wanted = Wanted(device, "capture", period_ms, n_periods, channel, partner)
        self._alsa = alsa
        self._recovery = recovery or CardRecovery()

    @property
    def device(self) -> str:
        """Its name in the settings."""
        return self._wanted.device

    @property
    def asound(self) -> Path:
        """The folder in which the kernel describes the cards."""
        return self._recovery.asound

    @asynccontextmanager
    async def open(self) -> AsyncIterator["AlsaCapture"]:
        again = Again(self, OpenPcm.close)
        calls, device = self._recovery.calls, self._wanted.device
        opened = await calls.call("opening", device, self._open_now, again=again)
        capture = AlsaCapture(opened, all_channels=self._wanted.channel == EVERY)
        async with self._recovery.attend(capture, opened.choice, opened.period_s):
            yield capture

    def _open_now(self) -> OpenPcm:
        wanted = self._wanted
        opened = open_wanted(self._alsa or alsa_library(), wanted, self._recovery.asound)
        self._recovery.prepare(opened.choice)
        return opened


class AlsaCapture(AlsaStream):
    """An open capture device.

    Attributes:
        format: What it delivers.
    """

    def __init__(self, opened: OpenPcm, *, all_channels: bool = False) -> None:
        super().__init__(opened)
        self.format = opened.format if all_channels else PcmFormat(opened.format.rate_hz)
        self._all_channels = all_channels
        self._silenced = 0
        self._handover: Handover | None = None
        self._relaxed = False

    @property
    def lost_periods(self) -> int:
        """Periods lost to overruns, delivered as silence, or dropped because the loop was blocked."""
        return self._silenced + (self._handover.lost if self._handover else 0)

    async def run(self, deliver: Callable[[bytes], None]) -> None:
        ending = Ending()
        period_bytes = self.opened.period_frames * self.format.frame_bytes

        def pass_on(sound: bytes) -> None:
            # A batch was captured while no one listened: once someone does, it is too old.
            if len(sound) == period_bytes or self._relaxed:
                deliver(sound)

        self._handover = handover = Handover(pass_on, ending, _HANDOVER_PERIODS)
        await self._move("capture", ending, lambda: self._read_periods(handover))

    def relax(self, relaxed: bool, /) -> None:  # noqa: FBT001 - as the port says
        self._relaxed = relaxed
        if relaxed:
            self._wake.clear()
        else:
            self._wake.set()

    def _read_periods(self, handover: Handover) -> None:
        opened = self.opened
        silence = bytes(opened.period_frames * self.format.frame_bytes)
        burst = BurstLog(opened.device, "overrun")
        lost_time = LostTime(opened.period_s)
        overrun = False
        while not self._stopping:
            if self._relaxed:
                self._rest(handover)
                lost_time = LostTime(opened.period_s)
                overrun = False
                continue
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
                handover.put(self._heard(sound))
                self.periods += 1
                burst.settle(now_s)

    def _rest(self, handover: Handover) -> None:
        """Let the ring fill for a while, then empty it."""
        opened = self.opened
        self._wake.wait(min(_REST_S, opened.ring_frames / opened.format.rate_hz / 2))
        heard = []
        for _ in range(max(opened.pcm.avail() // opened.period_frames, 0)):
            n_frames, sound = opened.pcm.read()
            if n_frames == opened.period_frames:
                heard.append(sound)
        if not heard:
            heard = [opened.pcm.read()[1]]  # a blocking read raises if the device has failed
        self.periods += len(heard)
        if len(heard) > 1:
            handover.put(self._heard(b"".join(heard)))

    def _heard(self, sound: bytes) -> bytes:
        """Return the delivered channels of `sound` as int16 LE."""
        opened = self.opened
        if self._all_channels:
            return every_channel(sound, opened.encoding)
        return one_channel(sound, opened.channel, opened.format.channels, opened.encoding)
