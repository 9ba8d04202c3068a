"""From text to sound, at `SPEECH_HZ`."""

import shutil
import subprocess
from functools import lru_cache
from typing import Protocol

import numpy as np

from agentsim.errors import SetupError
from agentsim.sound import SPEECH_HZ, Samples
from agentsim.sound.resample import resample
from agentsim.sound.wav import read_wav

ESPEAK = "espeak-ng"
ESPEAK_TIMEOUT_S = 10.0
WORDS_PER_MINUTE = 165

TONE_HZ = 440
TONE_AMPLITUDE = 8_000
TONE_S_PER_CHARACTER = 0.06


class Voice(Protocol):
    """Something that speaks. Called off the loop's thread, one call at a time."""

    def render(self, text: str) -> Samples:
        """Return `text` spoken; never fails, whatever the text."""


class Tone:
    """Says everything as one steady tone, as long as the text takes: the same every time."""

    def render(self, text: str) -> Samples:
        """Return a tone of 60 ms for each character."""
        n_frames = round(len(text) * TONE_S_PER_CHARACTER * SPEECH_HZ)
        phase = np.arange(n_frames) * (2 * np.pi * TONE_HZ / SPEECH_HZ)
        tone: Samples = np.rint(TONE_AMPLITUDE * np.sin(phase)).astype(np.int16)
        return tone


class Espeak:
    """Speaks with the espeak-ng program."""

    def __init__(self) -> None:
        self.render = lru_cache(maxsize=64)(self._render)

    @staticmethod
    def is_installed() -> bool:
        """Return whether the program is there."""
        return shutil.which(ESPEAK) is not None

    def _render(self, text: str) -> Samples:
        command = [ESPEAK, "--stdin", "--stdout", "-v", "en", "-s", str(WORDS_PER_MINUTE)]
        try:
            done = subprocess.run(  # noqa: S603 - a fixed command; the text goes by stdin
                command,
                input=text.encode(),
                capture_output=True,
                timeout=ESPEAK_TIMEOUT_S,
                check=True,
            )
            samples, rate_hz = read_wav(done.stdout)
        except (OSError, subprocess.SubprocessError, ValueError):
            return Tone().render(text)
        return resample(samples, rate_hz, SPEECH_HZ)


VOICES = ("auto", "espeak", "prompts", "tone")


def voice_named(name: str) -> Voice:
    """Return a voice by its name on the command line.

    Raises:
        SetupError: If it is not installed.
    """
    if name == "tone":
        return Tone()
    if name == "espeak" and not Espeak.is_installed():
        raise SetupError("--voice espeak", f"needs the program {ESPEAK}: apt install {ESPEAK}")
    if name == "prompts" or not Espeak.is_installed():
        from agentsim.prompts import Prompts

        return Prompts()
    return Espeak()
