"""Voice activity detection: when the user begins and stops speaking."""

from collections import deque
from dataclasses import dataclass
from typing import Literal

import numpy as np

from agentsim.sound import HEARING_HZ, NO_SOUND, Samples

FRAME_S = 0.02
FRAME = int(HEARING_HZ * FRAME_S)
FLOOR_WINDOW_S = 2.0
"""The quietest frame in this time is the noise floor: speech has a gap at least this often."""
QUIETEST_FLOOR_DB = -75.0
START_FLOOR_DB = -60.0
LEAST_SPEECH_DB = -50.0
ABOVE_FLOOR_DB = 12.0
HYSTERESIS_DB = 5.0
THRESHOLD_SPAN_DB = 12.0
"""How far `vad_threshold` from 0 to 1 moves what counts as speech; 0.5 moves nothing."""
PRE_ROLL_S = 0.3
LONGEST_UTTERANCE_S = 30.0


@dataclass(slots=True)
class VoiceDetectorSettings:
    """How loud and how long speech must be, and how long the silence after it."""

    onset_s: float = 0.1
    end_of_turn_s: float = 0.65
    vad_threshold: float = 0.5


class VoiceDetector:
    """Detects speech in one stream of `HEARING_HZ` samples.

    Attributes:
        speaking: The user is speaking now.
        voiced_s: How much of the utterance is speech, from onset on.
    """

    def __init__(self, settings: VoiceDetectorSettings) -> None:
        self.settings = settings
        self.speaking = False
        self.voiced_s = 0.0
        self._partial = NO_SOUND
        self._levels = deque([START_FLOOR_DB], maxlen=int(FLOOR_WINDOW_S / FRAME_S))
        self._pre_roll: deque[Samples] = deque(maxlen=int(PRE_ROLL_S / FRAME_S))
        self._utterance: list[Samples] = []
        self._loud_s = 0.0
        self._quiet_s = 0.0

    def feed(self, samples: Samples) -> list[Literal["started", "stopped"]]:
        """Take a chunk of any size; return whether speech started or stopped in it."""
        heard = np.concatenate((self._partial, samples))
        n_whole = len(heard) - len(heard) % FRAME
        self._partial = heard[n_whole:]
        facts: list[Literal["started", "stopped"]] = []
        for frame in heard[:n_whole].reshape(-1, FRAME):
            fact = self._frame(frame)
            if fact:
                facts.append(fact)
        return facts

    def utterance(self) -> Samples:
        """Return the sound of the present or the last utterance."""
        return np.concatenate(self._utterance) if self._utterance else NO_SOUND

    def stop(self) -> None:
        """End the utterance: no more sound is coming."""
        self.speaking = False
        self._loud_s = self._quiet_s = 0.0
        self._pre_roll.clear()

    def _frame(self, frame: Samples) -> Literal["started", "stopped"] | None:
        level_db = _level_db(frame)
        shift_db = (self.settings.vad_threshold - 0.5) * THRESHOLD_SPAN_DB
        floor_db = max(min(self._levels), QUIETEST_FLOOR_DB)
        self._levels.append(level_db)
        loud_db = max(floor_db + ABOVE_FLOOR_DB, LEAST_SPEECH_DB) + shift_db
        if self.speaking:
            return self._on(frame, loud=level_db > loud_db - HYSTERESIS_DB)
        return self._off(frame, loud=level_db > loud_db)

    def _off(self, frame: Samples, *, loud: bool) -> Literal["started"] | None:
        self._pre_roll.append(frame)
        self._loud_s = self._loud_s + FRAME_S if loud else max(0.0, self._loud_s - FRAME_S)
        if self._loud_s < self.settings.onset_s - FRAME_S / 2:
            return None
        self._utterance = list(self._pre_roll)
        self.speaking, self.voiced_s, self._quiet_s = True, self._loud_s, 0.0
        return "started"

    def _on(self, frame: Samples, *, loud: bool) -> Literal["stopped"] | None:
        self._utterance.append(frame)
        if loud:
            self.voiced_s += FRAME_S
            self._quiet_s = 0.0
        else:
            self._quiet_s += FRAME_S
        ended = self._quiet_s >= self.settings.end_of_turn_s - FRAME_S / 2
        if ended or len(self._utterance) * FRAME_S > LONGEST_UTTERANCE_S:
            self.stop()
            return "stopped"
        return None


def _level_db(frame: Samples) -> float:
    # The variance leaves out the mean, because a microphone's offset is not loudness.
    power = float(np.var(frame.astype(np.float32)))
    return 10 * float(np.log10(power / 32_768**2 + 1e-12))
