"""One spoken reply: sends its sound and its captions in real time."""

import base64
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from agentsim.faults import Faults
from agentsim.sound import NO_SOUND, SPEECH_HZ, Samples
from agentsim.sound.resample import resample
from agentsim.sound.wire import Encoding
from agentsim.timers import Timers

WORDS_PER_PIECE = 4
LONGEST_ODD_S = 0.1
Send = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a reply: its text (may be empty) and its sound at `SPEECH_HZ`."""

    text: str
    samples: Samples


@dataclass(frozen=True, slots=True)
class Word:
    """A word and when it is spoken, from the start of the reply."""

    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Pace:
    """How a reply's sound is sent.

    Attributes:
        leading_silence_s: Digital silence at its beginning.
        volume: Gain from 0 to 1.
    """

    encoding: Encoding
    leading_silence_s: float
    volume: float = 1.0


class Reply:
    """Sends one reply's `reply.audio` and `transcript.agent.delta` in real time.

    Attributes:
        id: The reply's id.
        item_id: The id of its text.
        sounding: It is still being sent or still playing.
    """

    def __init__(
        self, name: str, parts: Sequence[Part], pace: Pace, faults: Faults, rng: random.Random
    ) -> None:
        self.id = f"resp_{name}"
        self.item_id = f"msg_{name}"
        self.sounding = False
        self._faults = faults
        self._encoding = pace.encoding
        self._words = _words(parts, pace.leading_silence_s)
        self._payload = _payload(parts, pace)
        self._chunks = self._cut(rng)
        self._n_sent = 0
        self._n_captioned = 0
        self._started_at = 0.0
        self._deadline: float | None = None

    @property
    def text(self) -> str:
        """All its words."""
        return " ".join(word.text for word in self._words)

    @property
    def duration_s(self) -> float:
        """How long it takes to play."""
        return self._encoding.seconds(len(self._payload))

    def begin(self, send: Send, timers: Timers, over: Callable[[], None]) -> None:
        """Start sending; call `over` when it has been played to its end."""
        self._send, self._timers, self._over = send, timers, over
        self._started_at = timers.now()
        self.sounding = True
        self._tick()

    def interrupt(self) -> str:
        """Stop; return the text spoken so far."""
        if not self.sounding:
            return ""
        spoken_ms = (self._timers.now() - self._started_at) * 1000
        late = self._faults.get("late-audio")
        self._deadline = self._timers.now() + (late.number / 1000 if late else 0)
        self.sounding = False
        return " ".join(word.text for word in self._words if word.end_ms <= spoken_ms)

    def _tick(self) -> None:
        now = self._timers.now()
        if self._deadline is not None and now >= self._deadline:
            return
        while self._n_sent < len(self._chunks) and self._chunks[self._n_sent].due_s <= (
            now - self._started_at + 1e-6
        ):
            self._send_chunk(self._chunks[self._n_sent])
            self._n_sent += 1
        if self._n_sent < len(self._chunks):
            self._timers.at(self._started_at + self._chunks[self._n_sent].due_s, self._tick)
        elif self.sounding:
            early = "early-done" in self._faults
            end_s = self._started_at + (0 if early else self.duration_s)
            self._timers.at(max(now, end_s), self._finish)

    def _finish(self) -> None:
        if self.sounding:
            self.sounding = False
            self._over()

    def _send_chunk(self, chunk: "Chunk") -> None:
        sounding_ms = self._encoding.seconds(chunk.start) * 1000
        while self.sounding and self._n_captioned < len(self._words):
            piece = self._words[self._n_captioned : self._n_captioned + WORDS_PER_PIECE]
            if piece[0].start_ms > sounding_ms:
                break
            self._send_caption(piece)
        data = base64.b64encode(self._payload[chunk.start : chunk.end]).decode()
        self._send("reply.audio", reply_id=self.id, data=data)

    def _send_caption(self, piece: Sequence[Word]) -> None:
        lead = " " if self._n_captioned else ""
        self._n_captioned += len(piece)
        self._send(
            "transcript.agent.delta",
            reply_id=self.id,
            item_id=self.item_id,
            delta=lead + " ".join(word.text for word in piece),
            start_ms=piece[0].start_ms,
            end_ms=piece[-1].end_ms,
        )

    def _cut(self, rng: random.Random) -> list["Chunk"]:
        burst, jitter = self._faults.get("burst"), self._faults.get("jitter")
        chunks: list[Chunk] = []
        start, due_s = 0, 0.0
        for size in self._sizes(rng):
            nominal_s = self._encoding.seconds(start) / (burst.number if burst else 1)
            late_s = rng.uniform(0, jitter.number / 1000) if jitter else 0
            due_s = max(due_s, nominal_s + late_s)
            chunks.append(Chunk(start, start + size, due_s))
            start += size
        return chunks

    def _sizes(self, rng: random.Random) -> list[int]:
        sizes: list[int] = []
        left, frame = len(self._payload), self._encoding.bytes_per_frame
        fixed = self._faults.get("chunk-bytes")
        size = max(1, int(fixed.number)) if fixed else self._encoding.chunk_bytes
        while left > 0:
            if "odd-sizes" in self._faults:
                size = rng.randint(1, self._encoding.bytes_in(LONGEST_ODD_S) // frame) * frame
            elif "odd-bytes" in self._faults:
                size = rng.randrange(1, 960, 2)
            sizes.append(min(size, left))
            left -= size
        return sizes


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of the payload and when it is due, from the start of the reply."""

    start: int
    end: int
    due_s: float


def _payload(parts: Sequence[Part], pace: Pace) -> bytes:
    spoken = np.concatenate([NO_SOUND, *(part.samples for part in parts)])
    if pace.volume < 1:
        spoken = (spoken * np.float32(pace.volume)).astype(np.int16)
    encoding = pace.encoding
    silence = encoding.silence * round(pace.leading_silence_s * encoding.rate_hz)
    return silence + encoding.encode(resample(spoken, SPEECH_HZ, encoding.rate_hz))


def _words(parts: Sequence[Part], leading_silence_s: float) -> list[Word]:
    words: list[Word] = []
    at_ms = leading_silence_s * 1000
    for part in parts:
        lasts_ms = len(part.samples) / SPEECH_HZ * 1000
        n_characters = max(1, sum(len(word) for word in part.text.split()))
        start_ms = at_ms
        for word in part.text.split():
            end_ms = start_ms + lasts_ms * len(word) / n_characters
            words.append(Word(word, round(start_ms), round(end_ms)))
            start_ms = end_ms
        at_ms += lasts_ms
    return words
