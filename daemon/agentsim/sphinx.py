"""Understanding by pocketsphinx, whose wheel brings an English model, and a small grammar.

The decoder holds the interpreter lock while it works (measured: 140 ms for 15 s of speech), so it
has a process of its own and the loop that paces the sound never waits for it.
"""

import signal
import struct
import subprocess
import sys

import numpy as np

from agentsim.intents import TENS, intent_of
from agentsim.sound import HEARING_HZ, Samples

LENGTH = struct.Struct("<I")
PADDING = HEARING_HZ // 5
DITHER = 30
"""Digital silence ruins the decoder's normalisation: 56 of 66 test sentences against 8 without."""

NUMBERS = ("zero", "five", *TENS[1:10], "fifteen", "[one] hundred")

# Everyday words that sound like anything: speech outside the grammar is taken for a row of them.
# fmt: off
OTHER_WORDS = (
    "a", "after", "also", "any", "at", "before", "but", "can", "could", "door", "each", "eaten",
    "from", "great", "here", "home", "how", "if", "kind", "light", "mean", "more", "mother", "my",
    "new", "of", "one", "other", "part", "put", "self", "some", "sound", "take", "the", "there",
    "think", "to", "under", "we", "when", "why", "work", "you",
)
# fmt: on
OTHER_WEIGHT = "1e-22"
"""Chosen on 112 sentences of the grammar and 184 others, four voices, both bandwidths."""

GRAMMAR = f"""#JSGF V1.0;
grammar sentences;
public <heard> = /1/ <sentence> | /{OTHER_WEIGHT}/ <other>+;
<sentence> = <time> | <volume> | <joke> | <story> | <goodbye> | <stop>;
<time> = what time is it | what is the time | what's the time | tell me the time;
<number> = {" | ".join(NUMBERS)};
<volume> = [please] set the volume to <number> [percent] | [turn the] volume up
    | [turn the] volume down | turn it up | turn it down | turn up the volume
    | turn down the volume;
<joke> = [please] tell me a joke;
<story> = [please] tell me a [long] story;
<goodbye> = goodbye | bye bye;
<stop> = [please] stop | wait | wait stop;
<other> = {" | ".join(f"/{OTHER_WEIGHT}/ other-{word}" for word in OTHER_WORDS)};
"""


class Recogniser:
    """The decoder itself."""

    def __init__(self) -> None:
        from pocketsphinx import Decoder

        self._decoder = Decoder(lm=None, samprate=HEARING_HZ, loglevel="FATAL")
        for word in OTHER_WORDS:
            phones = self._decoder.lookup_word(word)
            self._decoder.add_word(f"other-{word}", phones, word == OTHER_WORDS[-1])
        self._decoder.add_jsgf_string("sentences", GRAMMAR)
        self._decoder.activate_search("sentences")
        self._dice = np.random.default_rng(0)

    def recognise(self, samples: Samples) -> str:
        """Return the words; an empty string if they are not of the grammar."""
        silence = np.zeros(PADDING, np.int16)
        speech = np.concatenate((silence, samples, silence)).astype(np.float32)
        speech += self._dice.normal(0, DITHER, len(speech)).astype(np.float32)
        dithered = np.clip(speech, -32_768, 32_767).astype("<i2")
        self._decoder.start_utt()
        self._decoder.process_raw(dithered.tobytes(), no_search=False, full_utt=True)
        self._decoder.end_utt()
        hypothesis = self._decoder.hyp()
        text = str(hypothesis.hypstr) if hypothesis else ""
        return "" if "other-" in text else text


class Sphinx:
    """Understands the sentences of `GRAMMAR`, in a process of its own that ends with this one."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def understand(self, samples: Samples, turn: int) -> str | None:
        """Return the sentence; None if it was no sentence of the grammar."""
        text = self.partly(samples, turn)
        return text if text and intent_of(text) else None

    def partly(self, samples: Samples, turn: int) -> str | None:
        """Return the words so far; None if they begin no sentence of the grammar."""
        del turn
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "agentsim.sphinx"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            return None
        try:
            stdin.write(LENGTH.pack(len(samples)) + samples.astype("<i2").tobytes())
            stdin.flush()
        except BrokenPipeError:
            return None
        return stdout.readline().decode().strip() or None

    def close(self) -> None:
        """End the process; idempotent."""
        if self._process:
            self._process.kill()
            self._process.communicate()
            self._process = None


def main() -> None:
    """Answer recordings on stdin (a length in samples, then the samples) with lines of text."""
    recogniser = Recogniser()
    while header := sys.stdin.buffer.read(LENGTH.size):
        (n_samples,) = LENGTH.unpack(header)
        samples = np.frombuffer(sys.stdin.buffer.read(2 * n_samples), "<i2")
        print(recogniser.recognise(samples.astype(np.int16)), flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    main()
