"""What the array's microphones hear, and what its speaker played."""

import random
import time
import wave
from pathlib import Path

from tests.pi.array.descriptors import MIC_CHANNELS, RATE_HZ, SPEAKER_CHANNELS

FRAME_BYTES = 2 * MIC_CHANNELS
ROOM_S = 4


def _room() -> bytes:
    """The noise of a quiet room: two steps up and down. Exact zeros would be a broken microphone."""
    dice = random.Random(7)
    samples = (dice.randint(-2, 2) for _ in range(ROOM_S * RATE_HZ))
    return b"".join((sample & 0xFFFF).to_bytes(2, "little") * MIC_CHANNELS for sample in samples)


class Heard:
    """What the microphones hear: a quiet room, and now and then something said in it.

    What is said comes on channel 0, the processed one; the raw channels are quieter, and one is a
    marker that must never be listened to.

    Attributes:
        said_until_frame: Where in the stream what is being said ends.
    """

    MARKER = 0x7E7E

    def __init__(self) -> None:
        self._room = _room()
        self._said = b""
        self._at = 0
        self.frame = 0

    @property
    def is_saying(self) -> bool:
        return self._at < len(self._said)

    def say(self, path: Path) -> float:
        """Say a mono WAV file of 16 kHz from now on; return how long it takes."""
        with wave.open(str(path)) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (
                RATE_HZ,
                1,
                2,
            )
            mono = file.readframes(file.getnframes())
        marker = self.MARKER.to_bytes(2, "little")
        frames = []
        for at in range(0, len(mono), 2):
            sample = mono[at : at + 2]
            frames.append(sample + b"\1\0\2\0\3\0\4\0" + marker)
        self._said, self._at = b"".join(frames), 0
        return len(mono) / 2 / RATE_HZ

    def hush(self) -> None:
        self._said = b""

    def take(self, n_frames: int) -> bytes:
        n_bytes = n_frames * FRAME_BYTES
        piece = self._said[self._at : self._at + n_bytes]
        self._at += len(piece)
        start = self.frame * FRAME_BYTES % len(self._room)
        self.frame += n_frames
        room = self._room[start + len(piece) : start + n_bytes]
        return (piece + room + self._room)[:n_bytes]


class Played:
    """What the speaker played, written to a WAV file, on the clock of the host.

    A USB speaker gets a packet every millisecond while its stream runs. While it does not, silence is
    written, so that a place in the file is a moment in time.
    """

    def __init__(self, path: Path) -> None:
        self._file = wave.open(str(path), "wb")  # noqa: SIM115 - closed by `close`
        self._file.setparams((SPEAKER_CHANNELS, 2, RATE_HZ, 0, "NONE", ""))
        self.started_s = time.time()
        self._started_s = time.monotonic()
        self._n_frames = 0

    def take(self, pcm: bytes) -> None:
        due = int((time.monotonic() - self._started_s) * RATE_HZ)
        late = due - self._n_frames
        if late > RATE_HZ // 2:  # the stream stood still, or is being caught up with
            self._write(bytes(late * 2 * SPEAKER_CHANNELS))
        self._write(pcm)

    def _write(self, pcm: bytes) -> None:
        self._file.writeframesraw(pcm)
        self._n_frames += len(pcm) // (2 * SPEAKER_CHANNELS)

    def close(self) -> None:
        self._file.close()
