"""A steady tone in place of speech."""

import numpy as np

from agentsim.sound import SPEECH_HZ, Samples

TONE_HZ = 440
TONE_AMPLITUDE = 8_000
TONE_S_PER_CHARACTER = 0.06


class Tone:
    """Speaks every text as one steady tone, as long as the text takes: the same every time."""

    def render(self, text: str) -> Samples:
        """Return a tone of 60 ms for each character."""
        n_frames = round(len(text) * TONE_S_PER_CHARACTER * SPEECH_HZ)
        phase = np.arange(n_frames) * (2 * np.pi * TONE_HZ / SPEECH_HZ)
        tone: Samples = np.rint(TONE_AMPLITUDE * np.sin(phase)).astype(np.int16)
        return tone
