"""The two pipes of sound: from the microphone to the uplink queue, from the playout to the speaker.

Each runs for ever, reopens its device after a failure, and reports device changes as events.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from voiced.audio.playout import FULL_VOLUME, Playout
from voiced.audio.uplink import UplinkQueue
from voiced.audio.zero_detector import ZeroWatch
from voiced.core.events import MicrophoneChanged, SpeakerChanged
from voiced.core.pcm import PcmFormat
from voiced.errors import DeviceError, SoundFault
from voiced.ports import Capture, Microphone, Mixer, PeriodTap, Playback, Speaker
from voiced.runtime.guard import Guard

REOPEN_S = 0.5
"""The wait before a missing card is tried again."""

NO_DEVICE_PERIOD_MS = 20
"""The period while no device sets the pace."""

REST_AFTER_S = 2.0
"""The device threads rest this long after the last conversation and the last local sound."""

ALARM_VOLUME = 40
"""The lowest volume of an alarm, even if the device's is 0."""

Tell = Callable[[MicrophoneChanged | SpeakerChanged, DeviceError | None], None]
"""Receives the change of a device, and the error if it failed."""


class Uplink(Protocol):
    """What sends captured sound: a connection."""

    ready: bool

    def sound_waits(self) -> None:
        """Wake the sender: the uplink queue has new sound."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far sound has come since the start; a watchdog compares two of them.

    Attributes:
        captured_periods: Periods captured.
        played_frames: Frames pulled by the speaker.
        microphone: Its fault, if known.
        speaker: Its fault, if known.
        overruns: How often capture was too slow.
        underruns: How often playback was too slow.
    """

    captured_periods: int
    played_frames: int
    microphone: SoundFault | None = None
    speaker: SoundFault | None = None
    overruns: int = 0
    underruns: int = 0


class _Shut(Exception):  # noqa: N818 - ends a capture, and is no error
    """The device is to be closed."""


class CapturePipe:
    """Microphone -> taps -> gate -> uplink queue. Never waits for the network.

    Attributes:
        gate_open: Captured sound may leave the device.
        shut: The device is closed too.
        uplink: What sends the sound; None without a connection.
        periods: How many periods were captured.
    """

    def __init__(
        self,
        microphone: Microphone,
        taps: Sequence[PeriodTap],
        queue: UplinkQueue,
        silent_after_s: float,
        guard: Guard | None = None,
    ) -> None:
        self.gate_open = False
        self.shut = False
        self.uplink: Uplink | None = None
        self.periods = 0
        self._microphone = microphone
        self._taps = taps
        self._queue = queue
        self._guard = guard or Guard()
        self._format = PcmFormat(16_000)
        self._zeros = ZeroWatch(silent_after_s)
        self._was_silent = False
        self._relaxed = False
        self._capture: Capture | None = None
        self._xruns = 0
        self._tell: Tell

    def successor(self, microphone: Microphone, silent_after_s: float) -> "CapturePipe":
        """Return a pipe that continues this one with another microphone, once this one has ended."""
        after = CapturePipe(microphone, self._taps, self._queue, silent_after_s, self._guard)
        after.gate_open, after.shut, after.uplink = self.gate_open, self.shut, self.uplink
        after.periods = self.periods
        return after

    @property
    def xruns(self) -> int:
        """How many overruns there were, of all that was opened."""
        return self._xruns + (0 if self._capture is None else self._capture.xruns)

    async def run(self, tell: Tell) -> None:
        """Capture until cancelled."""
        self._tell = tell
        while True:
            try:
                if self.shut:
                    await self._stay_shut()
                async with self._microphone.open() as capture:
                    self._format = capture.format
                    self._capture = capture
                    capture.relax(self._relaxed)
                    # A device that delivered zeros is not back before it delivers sound.
                    if not self._zeros.silent:
                        tell(MicrophoneChanged(), None)
                    await capture.run(self._take_period)
            except _Shut:
                continue
            except DeviceError as exc:
                tell(MicrophoneChanged(exc.fault), exc)
            finally:
                self._xruns, self._capture = self.xruns, None
            await asyncio.sleep(REOPEN_S)

    def relax(self, relaxed: bool, /) -> None:  # noqa: FBT001 - it is the one argument
        """Capture only enough to know that the device works, because no one listens; or everything again."""
        self._relaxed = relaxed and not self._taps
        if self._capture is not None:
            self._capture.relax(self._relaxed)

    def _take_period(self, pcm: bytes) -> None:
        if self.shut:
            raise _Shut
        self.periods += 1
        for tap in self._taps:
            self._guard.attempt(tap, tap.feed, pcm, self._format)
        self._watch_zeros(pcm)
        self._pass_on(pcm)

    def _pass_on(self, pcm: bytes) -> None:
        """Queue one period; while the gate is closed, the agent gets silence.

        The agent's turn detection counts samples as its clock, so the stream must not pause.
        """
        if self.gate_open:
            self._queue.put(pcm, self._format)
        elif self.uplink is not None and self.uplink.ready:
            self._queue.put(bytes(len(pcm)), self._format)
        else:
            return
        if self.uplink is not None:
            self.uplink.sound_waits()

    def _watch_zeros(self, pcm: bytes) -> None:
        reopen = self._zeros.feed(pcm, self._format.duration_ms(len(pcm)) / 1000)
        if self._was_silent and not self._zeros.silent:
            self._tell(MicrophoneChanged(), None)
        self._was_silent = self._zeros.silent
        if reopen:
            problem = "it is open but delivers nothing, not even noise"
            hint = "switch its own mute off, or replug it"
            raise DeviceError("microphone", problem, hint, SoundFault.SILENT)

    async def _stay_shut(self) -> None:
        silence = bytes(self._format.bytes_in(NO_DEVICE_PERIOD_MS))
        while self.shut:
            self.periods += 1
            self._pass_on(silence)
            await asyncio.sleep(NO_DEVICE_PERIOD_MS / 1000)


class PlaybackPipe:
    """Playout -> speaker. Without a speaker, replies still run out, unheard."""

    def __init__(self, speaker: Speaker, playout: Playout) -> None:
        self._speaker = speaker
        self._playout = playout
        self._playback: Playback | None = None
        self._relaxed = False
        self._xruns = 0

    @property
    def xruns(self) -> int:
        """How many underruns there were, of all that was opened."""
        return self._xruns + (0 if self._playback is None else self._playback.xruns)

    async def run(self, tell: Tell) -> None:
        """Play until cancelled."""
        while True:
            try:
                async with self._speaker.open() as self._playback:
                    self._playout.restart(self._playback.format.rate_hz)
                    self._playback.relax(self._relaxed)
                    tell(SpeakerChanged(), None)
                    await self._playback.run(self._playout)
            except DeviceError as exc:
                tell(SpeakerChanged(exc.fault), exc)
            finally:
                self._xruns, self._playback = self.xruns, None
            await self._play_without_device()

    def relax(self, relaxed: bool, /) -> None:  # noqa: FBT001 - it is the one argument
        """Fill the device far ahead, because there is only silence to play; or as little as possible again."""
        was_relaxed, self._relaxed = self._relaxed, relaxed
        if self._playback is not None:
            self._playback.relax(relaxed)
            if was_relaxed and not relaxed and not self._playout.sounding:
                self._playback.drop()  # else a reply would start behind the silence in the ring

    def set_volume(self, percent: int) -> None:
        """Set the volume at the card's mixer if there is one, otherwise in the playout.

        The card stays loud enough for an alarm; softer volumes are scaled in the playout too. Both follow a
        cubic law, so their factors multiply, and 0 is silence even on a card whose range ends above it.
        """
        mixer = self._mixer
        at_card = FULL_VOLUME if mixer is None else max(percent, ALARM_VOLUME)
        self._playout.volume = round(percent * FULL_VOLUME / at_card)
        if mixer is not None:
            mixer.set_volume(at_card)

    def overlay(self, pcm: bytes, *, alarm: bool = False) -> None:
        """Mix a local sound over the reply; an alarm is audible at any volume."""
        least = (
            ALARM_VOLUME if self._mixer is None else FULL_VOLUME
        )  # the card is never below ALARM_VOLUME
        self._playout.overlay(pcm, least if alarm else 0)

    def drop(self, reply_id: str | None) -> None:
        """Silence a reply now, or all of them."""
        if self._playout.drop(reply_id) and self._playback is not None:
            self._playback.drop()

    @property
    def _mixer(self) -> Mixer | None:
        return None if self._playback is None else self._playback.mixer

    async def _play_without_device(self) -> None:
        self._playout.restart(self._playout.rate_hz)
        pcm_format = PcmFormat(self._playout.rate_hz)
        n_bytes = pcm_format.bytes_in(NO_DEVICE_PERIOD_MS)
        for period in range(round(REOPEN_S * 1000 / NO_DEVICE_PERIOD_MS)):
            self._playout.pull(n_bytes)
            self._playout.played((period + 1) * n_bytes // pcm_format.frame_bytes)
            await asyncio.sleep(NO_DEVICE_PERIOD_MS / 1000)


class IdleMode:
    """Lets both pipes rest while the device is idle: on a small board every wake-up costs CPU time."""

    def __init__(self, capture: CapturePipe, playback: PlaybackPipe) -> None:
        self._pipes = (capture, playback)
        self._asleep = False
        self._timer: asyncio.TimerHandle | None = None

    def replace(self, capture: CapturePipe, playback: PlaybackPipe) -> None:
        """Switch to these pipes."""
        if (capture, playback) != self._pipes:
            self._pipes = (capture, playback)
            self.put_off()

    def note(self, *, asleep: bool) -> None:
        """Record whether there is a conversation."""
        if asleep != self._asleep:
            self._asleep = asleep
            self.put_off()

    def put_off(self) -> None:
        """Handle every period at once again; while asleep, only for a while."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._set(relaxed=False)
        if self._asleep:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(REST_AFTER_S, lambda: self._set(relaxed=True))

    def _set(self, *, relaxed: bool) -> None:
        for pipe in self._pipes:
            pipe.relax(relaxed)
