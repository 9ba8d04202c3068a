"""Recorded speech, for machines without espeak-ng."""

import re
from functools import cache
from pathlib import Path

import numpy as np

from agentsim.intents import spelled
from agentsim.sound import NO_SOUND, SPEECH_HZ, Samples
from agentsim.sound.resample import resample
from agentsim.sound.wav import read_wav
from agentsim.tone import Tone

DIRECTORY = Path(__file__).parent
LONGEST_SLUG = 40


def phrases() -> list[str]:
    """Return the recorded phrases, longest first."""
    lines = (DIRECTORY / "phrases.txt").read_text(encoding="utf-8").splitlines()
    return sorted((line for line in lines if line), key=len, reverse=True)


def slug(phrase: str) -> str:
    """Return the name of a phrase's file, without the suffix."""
    return "-".join(spoken_words(phrase))[:LONGEST_SLUG]


class Prompts:
    """Speaks with recorded phrases, and with a tone for each word that was not recorded."""

    def __init__(self) -> None:
        self._phrases = {tuple(spoken_words(phrase)): slug(phrase) for phrase in phrases()}
        self._longest = max(len(words) for words in self._phrases)

    def render(self, text: str) -> Samples:
        """Return the phrases that make up `text`, one after the other."""
        words, spoken = spoken_words(text), [NO_SOUND]
        while words:
            n_words = self._match(words)
            spoken.append(
                _recording(self._phrases[tuple(words[:n_words])])
                if n_words
                else Tone().render(words[0])
            )
            words = words[n_words or 1 :]
        return np.concatenate(spoken)

    def _match(self, words: list[str]) -> int:
        """Return how many of the first words are one phrase; 0 if none are."""
        for n_words in range(min(self._longest, len(words)), 0, -1):
            if tuple(words[:n_words]) in self._phrases:
                return n_words
        return 0


def spoken_words(text: str) -> list[str]:
    """Return the words of `text` as they are spoken: numbers up to 100 spelled out."""
    words: list[str] = []
    for word in re.findall(r"[a-z']+|\d+", text.lower()):
        if word.isdigit() and int(word) <= 100:  # noqa: PLR2004 - what `spelled` can do
            words += spelled(int(word)).split()
        else:
            words.append(word)
    return words


@cache
def _recording(name: str) -> Samples:
    samples, rate_hz = read_wav((DIRECTORY / f"{name}.wav").read_bytes())
    return resample(samples, rate_hz, SPEECH_HZ)
