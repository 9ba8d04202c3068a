"""A probe of the sound devices: opens both directions for a moment, and measures them."""

import asyncio
import time
from dataclasses import dataclass, field
from statistics import median

from voiced.core.pcm import PcmFormat
from voiced.devices.sound.alsa_capture import AlsaMicrophone
from voiced.devices.sound.alsa_pcm import EVERY, OpenPcm
from voiced.devices.sound.alsa_playback import AlsaSpeaker
from voiced.devices.sound.factory import SoundDevices
from voiced.devices.sound.recovery import CardRecovery
from voiced.devices.sound.selection import Choice
from voiced.errors import DeviceError
from voiced.lib.task_group import TaskGroup
from voiced.ports import Mixer

SETTLE_S = 0.3  # cards start unevenly, so sound this early is kept but not timed


@dataclass(slots=True)
class Heard:
    """The measurements of one direction of sound.

    Attributes:
        device: Its name in the settings.
        error: Why it does not work, or None.
        choice: The card chosen.
        format: The format it was opened in.
        channel: The channel in use, from 0.
        pcm: What was captured: n_frames x channels, int16 LE.
        n_frames: The number of frames captured.
        began_s: When the first frame was captured or heard, on the monotonic clock.
        rate_hz: Measured frames per second; None if unknown.
        xruns: The number of overruns or underruns.
        slip_s: Sound lost or repeated, in seconds, measured by the clock.
    """

    device: str
    error: DeviceError | None = None
    choice: Choice | None = None
    format: PcmFormat = field(default_factory=lambda: PcmFormat(0))
    channel: int = 0
    pcm: bytes = b""
    n_frames: int = 0
    began_s: float = 0.0
    rate_hz: float | None = None
    xruns: int = 0
    slip_s: float = 0.0


@dataclass(slots=True)
class _Clock:
    """Follows a count of frames, to compute when the first one was.

    Attributes:
        rate_hz: Frames per second.
        arrives: The count is of captured sound, which is seen late but never early, so the earliest
            estimate counts. A playback position is early as often as late: the median counts.
    """

    rate_hz: int
    arrives: bool
    _marks: list[tuple[float, int]] = field(default_factory=list)

    def see(self, n_frames: int) -> None:
        self._marks.append((time.monotonic(), n_frames))

    def note(self, heard: Heard) -> None:
        if not self._marks:
            return
        steady = [mark for mark in self._marks if mark[0] > self._marks[0][0] + SETTLE_S]
        heard.began_s = self._began_s(steady or self._marks)
        half = len(steady) // 2
        if half:
            heard.slip_s = abs(self._began_s(steady[:half]) - self._began_s(steady[half:]))
        if len(steady) > 1 and steady[-1][0] - steady[0][0] > SETTLE_S:
            (from_s, from_frame), (to_s, to_frame) = steady[0], steady[-1]
            heard.rate_hz = (to_frame - from_frame) / (to_s - from_s)

    def _began_s(self, marks: list[tuple[float, int]]) -> float:
        began_s = [at_s - n_frames / self.rate_hz for at_s, n_frames in marks]
        return min(began_s) if self.arrives else median(began_s)


@dataclass(slots=True)
class _Source:
    """Plays its sound once, then silence. Implements `SoundSource`."""

    pcm: bytes
    clock: _Clock
    _at: int = 0

    def pull(self, n_bytes: int) -> bytes:
        piece = self.pcm[self._at : self._at + n_bytes]
        self._at += n_bytes
        return piece.ljust(n_bytes, b"\0")

    def played(self, n_frames: int) -> None:
        if n_frames > 0:
            self.clock.see(n_frames)


class Score:
    """The sound to play: silence.

    Attributes:
        length_s: How long to capture.
        relaxed: Buffer much sound, as a player would; otherwise little, as a conversation needs.
    """

    length_s = 1.5
    relaxed = False

    def pcm(self, rate_hz: int, mixer: Mixer | None) -> bytes:  # noqa: ARG002 - silence needs neither
        """Return mono int16 LE at `rate_hz`, for a card with this mixer or none."""
        return b""


async def listen(devices: SoundDevices, score: Score) -> tuple[Heard, Heard]:
    """Play `score` and capture every channel; return the measurements of capture and playback."""
    heard, played = Heard(devices.capture), Heard(devices.playback)
    speaker_tried = asyncio.Event()
    async with TaskGroup() as group:
        playing = group.create_task(_play(devices, score, played, speaker_tried))
        # The speaker first: an XVF3800 may capture nothing unless its own playback is open.
        await speaker_tried.wait()
        capturing = group.create_task(_capture(devices, heard))
        await asyncio.wait({capturing}, timeout=score.length_s)
        capturing.cancel()
        playing.cancel()
    return heard, played


async def _play(devices: SoundDevices, score: Score, played: Heard, tried: asyncio.Event) -> None:
    speaker = AlsaSpeaker(
        devices.playback,
        period_ms=devices.period_ms,
        partner=devices.capture,
        mixer=devices.mixer,
    )
    try:
        async with speaker.open() as playback:
            clock = _Clock(playback.format.rate_hz, arrives=False)
            pcm = score.pcm(playback.format.rate_hz, playback.mixer)
            played.format = playback.format
            played.choice = playback.opened.choice
            playback.relax(score.relaxed)
            tried.set()
            try:
                await playback.run(_Source(pcm, clock))
            finally:
                played.xruns = playback.xruns
                clock.note(played)
    except DeviceError as error:
        played.error = error
    finally:
        tried.set()  # also on failure: `listen` waits for it


def _channel(devices: SoundDevices, opened: OpenPcm) -> int:
    if devices.channel is None:
        return opened.channel
    if devices.channel >= opened.format.channels:
        problem = (
            f"it has {opened.format.channels} channels, so there is no channel {devices.channel}"
        )
        raise DeviceError(devices.capture, problem, "channels count from 0")
    return devices.channel


async def _capture(devices: SoundDevices, heard: Heard) -> None:
    microphone = AlsaMicrophone(
        devices.capture,
        channel=EVERY,
        period_ms=devices.period_ms,
        partner=devices.playback,
        recovery=CardRecovery(gain=devices.gain),
    )
    try:
        async with microphone.open() as capture:
            clock = _Clock(capture.format.rate_hz, arrives=True)
            heard.format = capture.format
            heard.choice = capture.opened.choice
            heard.channel = _channel(devices, capture.opened)
            periods: list[bytes] = []

            def take(period: bytes) -> None:
                periods.append(period)
                heard.n_frames += len(period) // capture.format.frame_bytes
                clock.see(heard.n_frames)

            try:
                await capture.run(take)
            finally:
                heard.pcm, heard.xruns = b"".join(periods), capture.xruns
                clock.note(heard)
    except DeviceError as error:
        heard.error = error
