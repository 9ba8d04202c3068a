"""Speech recognition by pocketsphinx, with the English model of its wheel and a small grammar.

The decoder holds the interpreter lock while it works (measured: 140 ms for 15 s of speech). It runs in
a process of its own, so that the loop that paces the sound never waits for it.
"""

import signal
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from agentsim.intents import TENS, UNITS, intent_of
from agentsim.sound import HEARING_HZ, Samples

HEADER = struct.Struct("<I?")
PADDING = HEARING_HZ // 5
DITHER = 30
"""Noise added, because digital silence ruins the decoder's normalisation: it understands 56 of 66 test
sentences with the noise, 8 without."""

LABELS = ("pasta", "tea", "pizza")
COUNTS = (*UNITS[2:], *TENS[2:6])
NUMBERS = ("zero", "five", *TENS[1:10], "fifteen", "[one] hundred")

GRAMMAR = f"""#JSGF V1.0;
grammar sentences;
public <sentence> = <time> | <volume> | <joke> | <story> | <goodbye> | <stop>
    | <timer> | <cancel>;
<time> = what time is it | what is the time | what's the time | tell me the time;
<number> = {" | ".join(NUMBERS)};
<volume> = [please] set the volume to <number> [percent] | [turn the] volume up
    | [turn the] volume down | turn it up | turn it down | turn up the volume
    | turn down the volume;
<joke> = [please] tell me a joke;
<story> = [please] tell me a [long] story;
<goodbye> = goodbye | bye bye;
<stop> = [please] stop | wait | wait stop;
<label> = {" | ".join(LABELS)};
<count> = {" | ".join(COUNTS)};
<while> = one (second | minute | hour) | <count> (seconds | minutes | hours);
<timer> = [please] [set a] [<label>] timer for <while>;
<cancel> = [please] cancel the [<label>] timer;
"""


PHONE_CLASSES = {
    phone: index
    for index, phones in enumerate(
        (
            "AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW",
            "P T K B D G",
            "F V S Z SH ZH TH DH HH CH JH",
            "M N NG",
            "L R W Y",
        )
    )
    for phone in phones.split()
}
MOST_EDITS_PER_PHONE = 1.0
"""Most edits per phone between a sentence and the phones recognised on their own.

Measured on 112 sentences of the grammar (none about timers) and 184 others, many of them chosen because they
sound similar, with four espeak-ng voices, half of each through mu-law: 96 of the first are understood, and 58 of
the others are mistaken for one of them. Without this check it is 104 and 95. A stricter limit loses more of the
first than of the others.
"""


class Recogniser:
    """Two decoders: one for sentences of the grammar, one for phones.

    The first finds a sentence in almost any sound; the second checks it.
    """

    def __init__(self) -> None:
        from pocketsphinx import Decoder, get_model_path

        common = {"lm": None, "samprate": HEARING_HZ, "loglevel": "FATAL"}
        phones = str(Path(get_model_path()) / "en-us" / "en-us-phone.lm.bin")
        self._sentences = Decoder(**common)
        self._sentences.add_jsgf_string("sentences", GRAMMAR)
        self._sentences.activate_search("sentences")
        self._phones = Decoder(**common, allphone=phones, lw=2.0, beam=1e-20, pbeam=1e-20)

    def recognise(self, samples: Samples, *, check: bool) -> str:
        """Return the words; an empty string if there are none.

        Args:
            samples: Mono at `HEARING_HZ`.
            check: Return no sentence that the phones contradict.
        """
        silence = np.zeros(PADDING, np.int16)
        speech = np.concatenate((silence, samples, silence)).astype(np.float32)
        noise = np.random.default_rng(0)  # the same sound always gives the same words
        speech += noise.normal(0, DITHER, len(speech)).astype(np.float32)
        sound = np.clip(speech, -32_768, 32_767).astype("<i2").tobytes()
        text = " ".join(_decode(self._sentences, sound))
        if not (text and check):
            return text
        expected = [
            phone for word in text.split() for phone in self._sentences.lookup_word(word).split()
        ]
        edits = distance(expected, _decode(self._phones, sound))
        return text if edits <= MOST_EDITS_PER_PHONE else ""


def _decode(decoder: Any, sound: bytes) -> list[str]:
    decoder.start_utt()
    decoder.process_raw(sound, no_search=False, full_utt=True)
    decoder.end_utt()
    found = [segment.word for segment in decoder.seg() or ()]
    words = [word.partition("(")[0] for word in found]
    return [word for word in words if word and word != "SIL" and word[0] not in "<+["]


def distance(expected: Sequence[str], heard: Sequence[str]) -> float:
    """Return the edits from `expected` to `heard`, per expected phone; within a class of phones, half an edit."""
    row = [float(n) for n in range(len(heard) + 1)]
    for n_before, wanted in enumerate(expected):
        above, row = row, [n_before + 1.0]
        for index, phone in enumerate(heard):
            alike = PHONE_CLASSES.get(wanted) == PHONE_CLASSES.get(phone)
            change = 0.0 if wanted == phone else 0.5 if alike else 1.0
            row.append(min(above[index] + change, above[index + 1] + 1, row[index] + 1))
    return row[-1] / max(1, len(expected))


class Sphinx:
    """Understands the sentences of `GRAMMAR`, in a child process that ends with this one."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def understand(self, samples: Samples, turn: int) -> str | None:
        """Return the sentence; None if it is not one of the grammar."""
        del turn
        text = self._ask(samples, check=True)
        return text if text and intent_of(text) else None

    def partly(self, samples: Samples, turn: int) -> str | None:
        """Return the words so far, unchecked."""
        del turn
        return self._ask(samples, check=False)

    def _ask(self, samples: Samples, *, check: bool) -> str | None:
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
            stdin.write(HEADER.pack(len(samples), check) + samples.astype("<i2").tobytes())
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
    """Read recordings from stdin, each after a `HEADER`; print one line of text for each."""
    recogniser = Recogniser()
    while header := sys.stdin.buffer.read(HEADER.size):
        n_samples, check = HEADER.unpack(header)
        samples = np.frombuffer(sys.stdin.buffer.read(2 * n_samples), "<i2")
        print(recogniser.recognise(samples.astype(np.int16), check=check), flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    main()
