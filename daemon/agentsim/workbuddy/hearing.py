"""What a session hears: counted, kept, and made into turns."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from agentsim.sound import HEARING_HZ, Samples
from agentsim.voice_activity import Ear, EarSettings
from agentsim.workbuddy.settings import Settings

FRAME_BYTES = 640
FRAME_S = 0.02


@dataclass(slots=True)
class Discipline:
    """How well a client keeps to the frames.

    Attributes:
        frames: How many binary messages came.
        odd_sized: How many of them were not 640 bytes.
        late_ms: By how much each came later than the 20 ms grid that fits best so far.
    """

    frames: int
    odd_sized: int
    late_ms: list[float]


class Hearing:
    """Turns incoming sound into turns.

    Attributes:
        heard: The payloads, if they are kept.
        audio_s: How much sound came in all.
        discipline: How well the client keeps to the frames.
        user_speaks: The user is speaking now.
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
        self._ear = Ear(EarSettings(timing.onset_s, timing.end_of_turn_s))
        self._began_at: float | None = None

    @property
    def uplink(self) -> "Hearing":
        """Itself: where other stand-ins keep what was heard."""
        return self

    @property
    def user_speaks(self) -> bool:
        """Return whether the user is speaking now."""
        return self._ear.speaking

    def take(self, payload: bytes, now_s: float) -> None:
        """Take one binary message."""
        self._keep_score(payload, now_s)
        self.audio_s += len(payload) / 2 / HEARING_HZ
        if self._settings.keep_heard:
            self.heard += payload
        if not self._settings.listening:
            return
        for fact in self._ear.feed(np.frombuffer(payload[: len(payload) // 2 * 2], "<i2")):
            if fact == "stopped":
                self._on_turn(self._ear.utterance())
        if self._ear.speaking:
            self._on_speech(self._ear.voiced_s)

    def _keep_score(self, payload: bytes, now_s: float) -> None:
        seen = self.discipline
        if self._began_at is None:
            self._began_at = now_s
        due_s = self._began_at + seen.frames * FRAME_S
        seen.late_ms.append((now_s - due_s) * 1000)
        seen.frames += 1
        seen.odd_sized += len(payload) != FRAME_BYTES
