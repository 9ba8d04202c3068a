"""WAV files as microphone and speaker, paced in real time by the loop's clock. No threads.

Both directions tick at whole multiples of the period, so a daemon with both wakes once a period, not twice.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from io import FileIO
from pathlib import Path

from voiced.core.pcm import PcmFormat
from voiced.devices.device_thread import Ending
from voiced.devices.sound.wav_reading import read_wav
from voiced.errors import DeviceError
from voiced.lib.event_loop import on_thread
from voiced.ports import SoundSource

_RATE_HZ = 16000  # as most arrays do, so that a trial without one resamples alike
_SAMPLE_BITS = 16
_SAVE_EVERY_S = 1.0
_HEADER_BYTES = 44  # RIFF, `fmt ` and the head of `data`
_LARGEST = 0xFFFF_FFFF


class WavMicrophone:
    """Delivers a WAV file as captured sound, then whatever is queued, then silence for ever.

    Args:
        path: A WAV file of PCM samples, or a pipe with one, read into memory; None: only what is queued, at 16 kHz.
        channel: The channel to use, from 0.
        period_ms: How much sound to deliver at a time.
    """

    def __init__(
        self,
        path: Path | str | None,
        *,
        channel: int = 0,
        period_ms: int = 20,
    ) -> None:
        self._path = path
        self._channel = channel
        self._period_ms = period_ms
        self._queue: deque[bytes] = deque()

    @asynccontextmanager
    async def open(self) -> AsyncIterator["WavCapture"]:
        if self._is_pipe():  # it may block for long, or for ever
            pcm_format, pcm = await asyncio.wrap_future(
                on_thread("reading a pipe", self._read_file)
            )
        else:
            pcm_format, pcm = self._read_file()
        self._queue.appendleft(pcm)
        yield WavCapture(pcm_format, self._period_ms, self._queue)

    def say(self, pcm: bytes) -> None:
        """Queue mono PCM at the microphone's rate behind what is queued."""
        self._queue.append(pcm)

    def cue(self, path: Path | str) -> None:
        """Queue the first channel of another file behind what is queued.

        Raises:
            DeviceError: If the file cannot be used or has another rate than the microphone.
        """
        rate_hz = self._read_file()[0].rate_hz
        pcm_format, pcm = read_wav(path, 0)
        if pcm_format.rate_hz != rate_hz:
            problem = f"it has {pcm_format.rate_hz} Hz, the microphone {rate_hz} Hz"
            raise DeviceError(f"wav:{path}", problem, "convert it to the same rate")
        self.say(pcm)

    def _is_pipe(self) -> bool:
        return self._path is not None and Path(self._path).is_fifo()

    def _read_file(self) -> tuple[PcmFormat, bytes]:
        if self._path is None:
            return PcmFormat(_RATE_HZ), b""
        return read_wav(self._path, self._channel)


class WavCapture:
    """An open WAV file.

    Attributes:
        format: What it delivers.
        periods: Periods delivered.
    """

    def __init__(self, pcm_format: PcmFormat, period_ms: int, queue: deque[bytes]) -> None:
        self.format = pcm_format
        self.xruns = 0
        self.periods = 0
        self._period_ms = period_ms
        self._period_bytes = pcm_format.bytes_in(period_ms)
        self._queue = queue
        self._now = b""
        self._at = 0

    def relax(self, relaxed: bool, /) -> None:  # noqa: FBT001 - as the port says
        pass

    async def run(self, deliver: Callable[[bytes], None]) -> None:
        def tick() -> None:
            self.periods += 1
            deliver(self._next_period())

        await Metronome(self._period_ms, tick).run()

    def _next_period(self) -> bytes:
        period = b""
        while (missing := self._period_bytes - len(period)) > 0:
            if self._at >= len(self._now):
                if not self._queue:
                    return period + bytes(missing)
                self._now, self._at = self._queue.popleft(), 0
            period += self._now[self._at : self._at + missing]
            self._at += missing
        return period


class WavSpeaker:
    """Records playback in a WAV file that is valid at every moment.

    Args:
        path: The file to write.
        period_ms: How much sound to pull at a time.
        rate_hz: Frames per second.
    """

    def __init__(self, path: Path | str, *, period_ms: int = 20, rate_hz: int = _RATE_HZ) -> None:
        self._path = Path(path)
        self._period_ms = period_ms
        self._format = PcmFormat(rate_hz)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["WavPlayback"]:
        device = f"wav:{self._path}"
        try:
            file = self._path.open("wb", buffering=0)
        except OSError as error:
            problem = f"cannot write it: {error.strerror}"
            raise DeviceError(device, problem, "name another file") from error
        with file:
            playback = WavPlayback(device, file, self._format, self._period_ms)
            try:
                yield playback
            finally:
                playback.save()


class WavPlayback:
    """An open WAV file.

    Attributes:
        format: What it pulls.
        periods: Periods pulled.
        mixer: Always None.
    """

    mixer = None

    def __init__(self, device: str, file: FileIO, pcm_format: PcmFormat, period_ms: int) -> None:
        self.format = pcm_format
        self.xruns = 0
        self.periods = 0
        self._device = device
        self._file = file
        self._period_ms = period_ms
        self._period_bytes = pcm_format.bytes_in(period_ms)
        self._save_every = max(1, round(_SAVE_EVERY_S * 1000 / period_ms))
        self._sounding = b""
        self._sounding_since_s = 0.0
        self._unsaved = bytearray()
        self._saved_bytes = 0
        self.save()

    async def run(self, source: SoundSource) -> None:
        loop = asyncio.get_running_loop()
        period_frames = self._period_bytes // self.format.frame_bytes

        def tick() -> None:
            self._unsaved += self._sounding
            source.played(self.periods * period_frames)
            self._sounding = source.pull(self._period_bytes)
            self._sounding_since_s = loop.time()
            self.periods += 1
            if self.periods % self._save_every == 0:
                self.save()

        await Metronome(self._period_ms, tick).run()

    def relax(self, relaxed: bool, /) -> None:  # noqa: FBT001 - as the port says
        pass

    def drop(self) -> None:
        elapsed_ms = (asyncio.get_running_loop().time() - self._sounding_since_s) * 1000
        heard = self._sounding[: self.format.bytes_in(max(0.0, elapsed_ms))]
        self._sounding = heard.ljust(len(self._sounding), b"\0")

    def save(self) -> None:
        """Bring the file up to date.

        Raises:
            DeviceError: If it cannot be written.
        """
        try:
            # Write the sound before the header with its length: the file is valid if we are killed in between.
            self._file.seek(_HEADER_BYTES + self._saved_bytes)
            n_written = self._file.write(self._unsaved)
            self._saved_bytes += n_written
            del self._unsaved[:n_written]
            self._file.seek(0)
            self._file.write(wav_header(self.format, self._saved_bytes))
        except OSError as error:
            raise DeviceError(self._device, f"cannot write it: {error.strerror}") from error


class Metronome:
    """Calls `tick` once per period without drift. After a stall it catches up."""

    def __init__(self, period_ms: int, tick: Callable[[], None]) -> None:
        self._period_s = period_ms / 1000
        self._tick = tick
        self._loop = asyncio.get_running_loop()
        self._ending = Ending()
        self._n_due = int(self._loop.time() / self._period_s) + 1

    async def run(self) -> None:
        """Run until cancelled or `tick` raises."""
        self._wait()
        try:
            await self._ending.wait()
        finally:
            self._timer.cancel()

    def _wait(self) -> None:
        due_s = self._n_due * self._period_s
        self._timer = self._loop.call_at(due_s, self._ending.attempt, self._beat)

    def _beat(self) -> None:
        self._tick()
        self._n_due += 1
        self._wait()


def wav_header(pcm_format: PcmFormat, data_bytes: int) -> bytes:
    """Return the header of a 16-bit PCM file with one data chunk."""

    def size(n_bytes: int) -> bytes:
        return min(n_bytes, _LARGEST).to_bytes(4, "little")

    rate_hz, frame_bytes = pcm_format.rate_hz, pcm_format.frame_bytes
    return b"".join(
        [
            b"RIFF" + size(data_bytes + _HEADER_BYTES - 8) + b"WAVEfmt " + size(16),
            (1).to_bytes(2, "little") + pcm_format.channels.to_bytes(2, "little"),
            size(rate_hz) + size(rate_hz * frame_bytes),
            frame_bytes.to_bytes(2, "little") + _SAMPLE_BITS.to_bytes(2, "little"),
            b"data" + size(data_bytes),
        ]
    )
