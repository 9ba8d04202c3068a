"""The device's own sounds: synthesised earcons and recorded prompts. The owner's files replace both."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from voiced.audio.earcons import earcon
from voiced.audio.resample import Resampler
from voiced.core.earcons import Earcon, Prompt
from voiced.core.pcm import PcmFormat
from voiced.devices.sound.wav_reading import read_wav_file
from voiced.errors import DeviceError

log = logging.getLogger(__name__)

SHIPPED = Path(__file__).parents[2] / "sounds"

LONGEST_S = 10.0
"""Longer sounds are cut: the microphone gate is closed while one plays."""

PAUSE_MS = 150


class CueFiles:
    """Finds `NAME.wav` in the owner's folder, then among those shipped. Implements `Cues`.

    Args:
        folder: The owner's, or None.
        earcons: Whether earcons are played; an alarm always is.
        prompts: Whether spoken prompts are played.
    """

    def __init__(self, folder: Path | None = None, *, earcons: bool, prompts: bool) -> None:
        self._folder = folder
        self._earcons = earcons
        self._prompts = prompts
        self._ready: dict[tuple[str, int], bytes] = {}

    def __call__(self, which: Earcon, prompt: Prompt | None, rate_hz: int, /) -> bytes:
        heard = self._earcons or which is Earcon.ALARM
        sound = self._sound(which.value, rate_hz, which) if heard else b""
        if prompt is None or not self._prompts:
            return sound
        pause = bytes(PcmFormat(rate_hz).bytes_in(PAUSE_MS)) if sound else b""
        return sound + pause + self._sound(prompt.value, rate_hz)

    def _sound(self, name: str, rate_hz: int, made_here: Earcon | None = None) -> bytes:
        if (name, rate_hz) not in self._ready:
            sound = self._from_file(name, rate_hz)
            if sound is None:
                sound = b"" if made_here is None else earcon(made_here, rate_hz)
            self._ready[name, rate_hz] = sound
        return self._ready[name, rate_hz]

    def _from_file(self, name: str, rate_hz: int) -> bytes | None:
        for folder in self._folders():
            path = folder / f"{name}.wav"
            if not os.path.lexists(path):
                continue
            try:
                return _at_rate(path, rate_hz)
            except DeviceError as error:
                log.warning("a sound is left out: %s", error)
        return None

    def _folders(self) -> Sequence[Path]:
        return (SHIPPED,) if self._folder is None else (self._folder, SHIPPED)


def _at_rate(path: Path, rate_hz: int) -> bytes:
    """Return a WAV file's first channel at `rate_hz`, at most `LONGEST_S` of it."""
    pcm_format, pcm = read_wav_file(path, 0)
    pcm = pcm[: pcm_format.bytes_in(LONGEST_S * 1000)]
    if pcm_format.rate_hz == rate_hz:
        return pcm
    resampler = Resampler(pcm_format.rate_hz, rate_hz)
    return resampler.process(pcm) + resampler.flush()
