"""One conversation: listens, speaks in real time, and stops without notice when interrupted."""

import random
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from agentsim.dialogue import Turn, choose
from agentsim.intents import intent_of
from agentsim.sound import HEARING_HZ, NO_SOUND, SPEECH_HZ, Samples
from agentsim.sound.resample import resample
from agentsim.speaking import Voice
from agentsim.steps import Break, Finish, Pause, Repeat, Say, Step, filled
from agentsim.timers import Timers
from agentsim.workbuddy.hearing import FRAME_BYTES, FRAME_S, Hearing
from agentsim.workbuddy.sender import Sender

SILENCE = bytes(FRAME_BYTES)
ODD_SIZES = (2, 3000)


class Session:
    """A conversation; it ends with its connection.

    Attributes:
        id: For the event log.
        connection: What carries it; None after it is lost.
        ready: agent_ready was sent.
        ended: How it ended, or an empty string.
        hearing: The user's side.
    """

    def __init__(self, connection: Sender, number: int) -> None:
        self.id = f"wb_{number:06d}"
        self.connection: Sender | None = connection
        connection.session_id = self.id
        self.ready = False
        self.ended = ""
        self._service = connection.service
        self._settings = connection.service.settings
        self.hearing = Hearing(self._settings, self._user_speaks, self._turn)
        self._timers = Timers(connection.service.timers.loop)
        self._rng = random.Random(self._settings.seed)  # noqa: S311 - not a secret
        self._sound: deque[bytes] = deque()
        self._turns = 0
        self._generation = 0

    def begin(self) -> None:
        """Announce that the agent is ready; from now on sound flows in both directions."""
        self.ready = True
        self._send("agent_ready")
        if self._settings.greeting:
            self._timers.after(
                self._settings.timing.greeting_s, lambda: self.say(self._settings.greeting)
            )
        self._next_tick_at = self._timers.now()
        self._tick()
        self._inject("ready")

    def take(self, payload: bytes) -> None:
        """Take one binary message of the client."""
        self.hearing.take(payload, self._timers.now())

    def leave(self, how: str) -> None:
        """End the conversation, because its connection is lost."""
        if not self.ended:
            self.ended = how
            self._timers.cancel_all()
            self._sound.clear()
            self.connection = None

    # For tests

    def hear(self, text: str) -> None:
        """Behave as if the user had just said `text`."""
        self.interrupt()
        self._answer(text, NO_SOUND)

    def say(self, text: str) -> None:
        """Speak without a turn of the user."""
        self._speak([Say(text)], {}, NO_SOUND)

    def interrupt(self) -> None:
        """Stop speaking at once; the client gets no notice."""
        self._generation += 1
        if self._sound:
            self._service.events.add("interrupted", session=self.id)
        self._sound.clear()

    def drop(self) -> None:
        """Cut the connection without a close message."""
        if self.connection:
            self.connection.drop()

    def freeze(self) -> None:
        """Stop reading and writing, but keep the connection."""
        if self.connection:
            self.connection.freeze()

    def end(self, reason: str = "session_closed") -> None:
        """End the session: session_ended, then close 1000."""
        if self.connection:
            self.connection.end_session(reason)

    def fail(self, code: str, message: str = "A fault was asked for.") -> None:
        """Send an error and close if it has a close code."""
        if self.connection:
            self.connection.fail(code, message)

    def _user_speaks(self, voiced_s: float) -> None:
        if self._sound and voiced_s >= self._settings.timing.barge_in_s:
            self.interrupt()

    def _turn(self, samples: Samples) -> None:
        self._turns += 1
        generation, turn = self._generation, self._turns
        understanding = self._settings.understanding

        def understood(text: str | None) -> None:
            if generation == self._generation and not self.ended:
                self._answer(text, samples)

        self._service.offload(lambda: understanding.understand(samples, turn), understood)

    def _answer(self, text: str | None, samples: Samples) -> None:
        intent = intent_of(text) if text else None
        self._service.events.add(
            "turn", session=self.id, number=self._turns, intent=intent.name if intent else None
        )
        if "silent-agent" in self._settings.faults:
            return
        steps = choose(Turn(self._turns, text, intent), self._settings.scenario, ())
        delay_s = self._settings.timing.think_s
        self._timers.after(delay_s, lambda: self._speak(steps, {"text": text}, samples))

    def _speak(self, steps: Sequence[Step], known: Mapping[str, Any], samples: Samples) -> None:
        generation, voice = self._generation, self._settings.voice
        last = steps[-1] if steps else None

        def render() -> Samples:
            return np.concatenate(
                [NO_SOUND, *(_sound_of(step, known, samples, voice) for step in steps)]
            )

        def rendered(sound: Samples) -> None:
            if generation != self._generation or self.ended:
                return
            self._queue(sound)
            self._service.events.add(
                "reply_audio", session=self.id, audio_s=round(len(sound) / HEARING_HZ, 3)
            )
            self._inject("reply")
            if isinstance(last, Finish):
                self._timers.after(len(sound) / HEARING_HZ + 0.5, self.end)

        for step in steps:
            if isinstance(step, Break):
                self._settings.faults.add(step.fault)
        self._service.offload(render, rendered)

    def _queue(self, sound: Samples) -> None:
        lead = np.zeros(round(self._settings.timing.leading_silence_s * HEARING_HZ), np.int16)
        payload = np.concatenate((lead, sound)).astype("<i2").tobytes()
        while payload:
            size = FRAME_BYTES
            if "odd-sizes" in self._settings.faults:
                size = 2 * self._rng.randint(ODD_SIZES[0] // 2, ODD_SIZES[1] // 2)
            self._sound.append(payload[:size])
            payload = payload[size:]

    def _tick(self) -> None:
        """Send what is due now, in real time or faster if a fault says so."""
        burst = self._settings.faults.get("burst")
        connection = self.connection
        if connection is None:
            return
        due_bytes = FRAME_BYTES * int(burst.number if burst else 1)
        sent_bytes = 0
        while self._sound and sent_bytes < due_bytes:
            frame = self._sound.popleft()
            connection.send_raw(frame)
            sent_bytes += len(frame)
        if not sent_bytes and "quiet" not in self._settings.faults:
            connection.send_raw(SILENCE)
            sent_bytes = FRAME_BYTES
        lasts_s = max(sent_bytes, FRAME_BYTES) / FRAME_BYTES * FRAME_S
        self._next_tick_at += lasts_s / (burst.number if burst and self._sound else 1)
        self._timers.at(self._next_tick_at, self._tick)

    def _send(self, kind: str, **fields: object) -> None:
        if self.connection:
            self.connection.send(kind, **fields)

    def _inject(self, place: str) -> None:
        if self.connection:
            self.connection.inject(place)


def _sound_of(step: Step, known: Mapping[str, Any], own_words: Samples, voice: Voice) -> Samples:
    match step:
        case Say(text):
            return resample(voice.render(filled(text, known)), SPEECH_HZ, HEARING_HZ)
        case Pause(duration_s):
            return np.zeros(round(duration_s * HEARING_HZ), np.int16)
        case Repeat():
            return own_words
        case _:
            return NO_SOUND
