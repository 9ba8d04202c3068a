"""Speech synthesis: from text to sound at `SPEECH_HZ`."""

import shutil
import subprocess
from functools import lru_cache
from typing import Protocol

from agentsim.errors import SetupError
from agentsim.prompts import Prompts
from agentsim.sound import SPEECH_HZ, Samples
from agentsim.sound.resample import resample
from agentsim.sound.wav import read_wav
from agentsim.tone import Tone

ESPEAK = "espeak-ng"
ESPEAK_TIMEOUT_S = 10.0
WORDS_PER_MINUTE = 165


class Voice(Protocol):
    """Speaks. It is called on another thread than the loop's, one call at a time."""

    def render(self, text: str) -> Samples:
        """Return `text` as speech; raises no error, whatever the text."""


class Espeak:
    """Speaks with the espeak-ng program."""

    def __init__(self) -> None:
        self.render = lru_cache(maxsize=64)(self._render)

    @staticmethod
    def is_installed() -> bool:
        """Return whether the program is installed."""
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
        return Prompts()
    return Espeak()
