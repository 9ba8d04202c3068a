"""The user's side of the conversation: when the user speaks, what was said, interruptions."""

from typing import Any

import numpy as np

from agentsim.assemblyai.refusal import Refusal
from agentsim.assemblyai.session_state import SessionState
from agentsim.assemblyai.talk import Talk
from agentsim.assemblyai.uplink import LONGEST_CHUNK_S, Uplink
from agentsim.dialogue import Turn, choose
from agentsim.intents import intent_of
from agentsim.sound import HEARING_HZ, NO_SOUND, SPEECH_HZ, Samples
from agentsim.sound.resample import resample
from agentsim.sound.wire import ENCODINGS
from agentsim.voice_activity import VoiceDetector, VoiceDetectorSettings

HEARD_EVERY_S = 1.0
TAIL_S = 0.1
"""How much of the silence after an utterance to keep."""


class Hearing:
    """Turns incoming sound into turns.

    Attributes:
        turns: How many turns there were.
        uplink: The sound received.
    """

    def __init__(self, session: SessionState, talk: Talk) -> None:
        settings = session.service.settings
        record_dir = settings.record_dir
        self.turns = 0
        self.uplink = Uplink(
            ENCODINGS[session.config["input"]["format"]["encoding"]],
            keep=settings.keep_heard,
            record_to=record_dir / f"{session.id}.wav" if record_dir else None,
        )
        self._session = session
        self._talk = talk
        self._detector = VoiceDetector(VoiceDetectorSettings())
        self._generation = 0
        self._partial = ""
        self._partial_running = False
        self._opened_at = 0.0
        self._opened_with_s = 0.0
        self._last_at = 0.0
        self._logged_s = 0.0
        self._rate_refused_at = float("-inf")
        self.tune()

    def open(self) -> None:
        """Begin to listen, after session.ready was sent."""
        self._opened_at = self._last_at = self._session.timers.now()
        self._opened_with_s = self.uplink.audio_s

    def tune(self) -> None:
        """Apply the session's turn_detection."""
        timing = self._session.service.settings.timing
        detection = self._session.config["input"]["turn_detection"]
        silence_ms = detection.get("min_silence")
        self._detector.settings = VoiceDetectorSettings(
            timing.onset_s,
            timing.end_of_turn_s if silence_ms is None else silence_ms / 1000,
            detection.get("vad_threshold", 0.5),
        )
        self._barge_in_s = timing.barge_in_s + detection.get("interruption_delay", 0) / 1000

    def take(self, audio: Any) -> None:
        """Take the `audio` of an `input.audio`.

        Raises:
            Refusal: If it is not sound, or more than real time.
        """
        payload = self.uplink.payload(audio)
        self._note_first(payload)
        if self._is_too_much(payload):
            return
        self._last_at = self._session.timers.now()
        samples = self.uplink.take(payload)
        if self.uplink.audio_s - self._logged_s >= HEARD_EVERY_S:
            self._logged_s = self.uplink.audio_s
            self._session.log("heard", audio_s=round(self.uplink.audio_s, 3))
        if self._session.service.settings.listening:
            for fact in self._detector.feed(samples):
                if fact == "started":
                    self._on_started()
                else:
                    self._on_stopped()
            self._consider_interrupting()

    def pretend(self, text: str) -> None:
        """Behave as if the user had just said `text`."""
        self._detector.stop()
        if not self._session.user_speaks:
            self._announce()
        self._tell_partly(text)
        self._stop_announced()
        self.turns += 1
        self._understood(text, NO_SOUND)

    def forget(self) -> None:
        """Discard what is being said, because the connection is lost."""
        self._generation += 1
        self._partial_running = False
        self._detector.stop()
        self._session.unanswered = NO_SOUND
        self._session.user_speaks = False

    def _note_first(self, payload: bytes) -> None:
        seconds = self.uplink.encoding.seconds(len(payload))
        if self.uplink.audio_s == self._opened_with_s:
            self._session.log("first_audio", audio_s=round(seconds, 4))
            self._session.inject("audio")
        if seconds > LONGEST_CHUNK_S:
            self._session.violate("chunk-above-200-ms")

    def _is_too_much(self, payload: bytes) -> bool:
        """Return whether to drop this; raise at most once a second."""
        now = self._session.timers.now()
        ahead_s = self.uplink.audio_s - self._opened_with_s - (now - self._opened_at)
        ahead_s += self.uplink.encoding.seconds(len(payload))
        if ahead_s <= self._session.service.settings.timing.rate_allowance_s:
            return False
        self._session.violate("audio_rate_violation")
        if now - self._rate_refused_at >= 1:
            self._rate_refused_at = now
            raise Refusal("audio_rate_violation", "Audio comes faster than real time.")
        return True

    def _on_started(self) -> None:
        faults = self._session.service.settings.faults
        if self._talk.reply is None or not self._talk.interruptible():
            self._announce()
        elif "speech-on-noise" in faults:
            self._session.send("input.speech.started")

    def _consider_interrupting(self) -> None:
        if not self._detector.speaking or self._session.user_speaks:
            return
        if self._talk.reply is None or self._detector.voiced_s >= self._barge_in_s:
            self._announce()

    def _announce(self) -> None:
        """Announce that the user speaks; interrupt or hold back the agent."""
        session = self._session
        session.user_speaks = True
        self._generation += 1
        self._partial = ""
        self._partial_running = False
        session.send("input.speech.started")
        session.latest = "input.speech.started"
        if self._talk.reply and self._talk.interruptible():
            self._talk.interrupt()
            session.unanswered = NO_SOUND
        else:
            self._talk.hold_back()
        session.inject("speech")
        session.timers.after(session.service.settings.timing.partial_s, self._tick)

    def _tick(self) -> None:
        """Send a partial transcript; end the turn if no more sound comes."""
        if not self._session.user_speaks or not self._detector.speaking:
            return
        timing = self._session.service.settings.timing
        if self._session.timers.now() - self._last_at > self._detector.settings.end_of_turn_s:
            self._detector.stop()
            self._on_stopped()
            return
        self._understand_partly()
        self._session.timers.after(timing.partial_s, self._tick)

    def _understand_partly(self) -> None:
        if self._partial_running or self._talk.calls.holding:
            return
        self._partial_running = True
        generation, turn, samples = self._generation, self.turns + 1, self._said()
        understanding = self._session.service.settings.understanding

        def understood(text: str | None) -> None:
            if generation != self._generation:
                return
            self._partial_running = False
            if text and text != self._partial and self._session.user_speaks:
                self._tell_partly(text)

        self._session.service.offload(lambda: understanding.partly(samples, turn), understood)

    def _tell_partly(self, text: str) -> None:
        self._partial = text
        self._session.send("transcript.user.delta", item_id=self._item_id(), text=text)

    def _on_stopped(self) -> None:
        if not self._session.user_speaks:
            self._session.log("backchannel", voiced_s=round(self._detector.voiced_s, 2))
            return
        self._stop_announced()
        if self._talk.calls.holding:
            return
        self._session.unanswered = samples = self._said()
        self._generation += 1
        generation, turn = self._generation, self.turns + 1
        understanding = self._session.service.settings.understanding

        def understood(text: str | None) -> None:
            if generation == self._generation:
                if (
                    text and not self._partial
                ):  # the recogniser was busy or still loading its models
                    self._tell_partly(text)
                self.turns += 1
                self._understood(text, samples)

        self._session.service.offload(lambda: understanding.understand(samples, turn), understood)

    def _stop_announced(self) -> None:
        self._session.user_speaks = False
        self._session.stopped_at = self._session.timers.now()
        self._session.send("input.speech.stopped")
        self._talk.go_on()

    def _said(self) -> Samples:
        silence = int((self._detector.settings.end_of_turn_s - TAIL_S) * HEARING_HZ)
        utterance = self._detector.utterance()
        if not self._detector.speaking and len(utterance) > silence > 0:
            utterance = utterance[:-silence]
        return np.concatenate((self._session.unanswered, utterance))

    def _understood(self, text: str | None, samples: Samples) -> None:
        session = self._session
        intent = intent_of(text) if text else None
        duration_s = len(samples) / HEARING_HZ
        shown = text or f"({duration_s:.1f} s of speech)"
        if text != "":
            session.send("transcript.user", item_id=self._item_id(0), text=shown)
        name = intent.name if intent else None
        session.log("turn", number=self.turns, intent=name, speech_s=round(duration_s, 2))
        if "silent-agent" in session.service.settings.faults:
            return
        tools = [tool["name"] for tool in session.config["tools"]]
        steps = choose(Turn(self.turns, text, intent), session.service.settings.scenario, tools)
        own_words = resample(samples, HEARING_HZ, SPEECH_HZ)
        delay_s = session.service.settings.timing.think_s
        self._talk.say(steps, "turn", delay_s, {"text": text}, own_words)

    def _item_id(self, ahead: int = 1) -> str:
        return f"msg_{self._session.id}_u{self.turns + ahead}"
