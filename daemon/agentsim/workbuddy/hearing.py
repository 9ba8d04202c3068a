"""The sound a session receives: counts it, keeps it, finds the turns in it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from agentsim.sound import HEARING_HZ, Samples
from agentsim.voice_activity import VoiceDetector, VoiceDetectorSettings
from agentsim.workbuddy.settings import Settings

FRAME_BYTES = 640
FRAME_S = 0.02


@dataclass(slots=True)
class Discipline:
    """How well a client keeps the size and the time of its frames.

    Attributes:
        frames: How many binary messages came.
        odd_sized: How many of them were not 640 bytes.
        late_ms: How much later each came than 20 ms times its number after the first.
    """

    frames: int
    odd_sized: int
    late_ms: list[float]


class Hearing:
    """Turns incoming sound into turns.

    Attributes:
        heard: The payloads, if they are kept.
        audio_s: How much sound came in all.
        discipline: How well the client keeps the size and the time of its frames.
    """

    def __init__(
        self,
        settings: Settings,
        on_speech: Callable[[float], None],
        on_turn: Callable[[Samples], None],
    ) -> None:
        self.heard = bytearray()
        self.audio_s = 0.0
        self.discipline = Discipline(0, 0, [])
        self._settings = settings
        self._on_speech, self._on_turn = on_speech, on_turn
        timing = settings.timing
        self._detector = VoiceDetector(VoiceDetectorSettings(timing.onset_s, timing.end_of_turn_s))
        self._began_at: float | None = None

    @property
    def uplink(self) -> "Hearing":
        """Itself, as the stand-in for AssemblyAI keeps what it heard in an `uplink`."""
        return self

    def take(self, payload: bytes, now_s: float) -> None:
        """Take one binary message."""
        self._measure(payload, now_s)
        self.audio_s += len(payload) / 2 / HEARING_HZ
        if self._settings.keep_heard:
            self.heard += payload
        if not self._settings.listening:
            return
        for fact in self._detector.feed(np.frombuffer(payload[: len(payload) // 2 * 2], "<i2")):
            if fact == "stopped":
                self._on_turn(self._detector.utterance())
        if self._detector.speaking:
            self._on_speech(self._detector.voiced_s)

    def _measure(self, payload: bytes, now_s: float) -> None:
        seen = self.discipline
        if self._began_at is None:
            self._began_at = now_s
        due_s = self._began_at + seen.frames * FRAME_S
        seen.late_ms.append((now_s - due_s) * 1000)
        seen.frames += 1
        seen.odd_sized += len(payload) != FRAME_BYTES
