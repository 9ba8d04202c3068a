"""The agent's side of the conversation: answers, one reply at a time, and their tool calls."""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, Literal

import numpy as np

from agentsim.assemblyai.reply import Pace, Part, Reply
from agentsim.assemblyai.session_state import SessionState
from agentsim.assemblyai.tool_calls import Outcome, ToolCalls
from agentsim.dialogue import instructed
from agentsim.sound import NO_SOUND, SPEECH_HZ, Samples
from agentsim.sound.wire import ENCODINGS
from agentsim.steps import Break, Call, Finish, Pause, Repeat, Say, Step, filled


@dataclass(slots=True)
class Answer:
    """What the agent is about to say and do.

    Attributes:
        steps: The steps still to do.
        kind: What it answers: the start, a turn of the user, the results of tools, or nothing.
        due_at: The earliest start, on the loop's clock.
        known: The values of `{name}` in its text.
        own_words: What the user said, at `SPEECH_HZ`.
    """

    steps: deque[Step]
    kind: Literal["greeting", "turn", "result", "own"]
    due_at: float
    known: dict[str, Any] = field(default_factory=dict)
    own_words: Samples = field(default_factory=lambda: NO_SOUND)


class Talk:
    """Speaks the answers one after the other.

    Attributes:
        reply: The reply that is being played or waits for its reply.done.
        calls: The tool calls in flight.
    """

    def __init__(self, session: SessionState, finish: Callable[[], None]) -> None:
        self.reply: Reply | None = None
        self.calls = ToolCalls(session)
        self._session = session
        self._finish = finish
        self._answer: Answer | None = None
        self._queue: deque[Answer] = deque()
        self._done_timer: asyncio.TimerHandle | None = None
        self._start_timer: asyncio.TimerHandle | None = None
        self._preparation = 0
        self._rng = random.Random(session.service.settings.seed)  # noqa: S311 - not a secret
        self._n_replies = 0

    def say(
        self,
        steps: Sequence[Step],
        kind: Literal["greeting", "turn", "own"],
        delay_s: float,
        known: Mapping[str, Any] | None = None,
        own_words: Samples = NO_SOUND,
    ) -> None:
        """Queue an answer that starts after `delay_s` at the earliest."""
        due_at = self._session.timers.now() + delay_s
        self._queue.append(Answer(deque(steps), kind, due_at, dict(known or {}), own_words))
        self.go_on()

    def create(self, instructions: str, delay_s: float) -> None:
        """Speak as the client's instructions say."""
        if self._answer and self._answer.kind == "greeting":
            self.interrupt()
        self._queue = deque(each for each in self._queue if each.kind != "greeting")
        self.say((Say(instructed(instructions)),), "own", delay_s)

    def go_on(self) -> None:
        """Begin the next answer, unless the user or the agent speaks or a tool holds the agent."""
        if self._answer or not self._queue or self._session.user_speaks:
            return
        if self.calls.holding or not self._session.ready:
            return
        self._answer = self._queue.popleft()
        self._advance(self._answer)

    def hold_back(self) -> None:
        """Hold back an answer that has not begun to play; discard it if it answers a turn."""
        if self._answer and not self.reply:
            self._queue.appendleft(self._answer)
            self._unprepare()
        self._queue = deque(each for each in self._queue if each.kind != "turn")

    def interruptible(self) -> bool:
        """Return whether the user may interrupt the present reply."""
        detection = self._session.config["input"]["turn_detection"]
        if not detection.get("interrupt_response", True):
            return False
        spared = detection.get("uninterruptible_turns", ())
        return not (self._answer and self._answer.kind == "greeting" and "greeting" in spared)

    def interrupt(self) -> None:
        """Stop the reply as a barge-in does, and discard the rest of its answer."""
        reply, self.reply = self.reply, None
        self._unprepare()
        self._queue = deque(each for each in self._queue if each.kind == "result")
        self._session.timers.cancel(self._done_timer)
        self.calls.forget()
        if reply:
            text = reply.interrupt()
            self._session.log("interrupted", reply_id=reply.id)
            if "done-first" in self._session.service.settings.faults:
                self._send_done(reply, "interrupted")
                self._send_transcript(reply, text, interrupted=True)
            else:
                self._send_transcript(reply, text, interrupted=True)
                self._send_done(reply, "interrupted")

    def fail(self, code: str) -> None:
        """Abort the reply with `reply.error`."""
        reply, self.reply = self.reply, None
        if reply:
            self._unprepare()
            reply.interrupt()
            self._session.send(
                "reply.error",
                reply_id=reply.id,
                code=code,
                message="A fault was asked for.",
                retryable=True,
            )
            self._send_done(reply, "completed")
            self.go_on()

    def forget(self) -> None:
        """Stop speaking and discard all answers, because the connection is lost."""
        reply, self.reply = self.reply, None
        if reply:
            reply.interrupt()
        self._unprepare()
        self._queue.clear()
        self.calls.forget()

    def _unprepare(self) -> None:
        self._answer = None
        self._preparation += 1
        self._session.timers.cancel(self._start_timer)

    def _advance(self, answer: Answer) -> None:
        """Do the next step of `answer`: a reply, a fault, the end, or nothing."""
        while answer.steps and isinstance(answer.steps[0], Break):
            self._session.service.settings.faults.add(answer.steps.popleft().fault)  # type: ignore[union-attr]  # checked above
        if not answer.steps:
            self._answer = None
            self.go_on()
        elif isinstance(answer.steps[0], Finish):
            self._finish()
        else:
            self._prepare(answer)

    def _prepare(self, answer: Answer) -> None:
        spoken = list(takewhile(lambda step: isinstance(step, Say | Repeat | Pause), answer.steps))
        voice, preparation = self._session.service.settings.voice, self._preparation

        def render() -> list[Part]:
            return [_part(step, answer, voice.render) for step in spoken]

        def rendered(parts: list[Part]) -> None:
            if preparation == self._preparation and self._answer is answer:
                self._start_timer = self._session.timers.at(
                    max(answer.due_at, self._session.timers.now()),
                    lambda: self._start(answer, parts),
                )

        self._session.service.offload(render, rendered)

    def _start(self, answer: Answer, parts: list[Part]) -> None:
        session = self._session
        for _part_spoken in parts:
            answer.steps.popleft()
        self._n_replies += 1
        output = session.config["output"]
        pace = Pace(
            ENCODINGS[output["format"]["encoding"]],
            session.service.settings.timing.leading_silence_s,
            output.get("volume", 100) / 100,
        )
        name = f"{session.id}_{self._n_replies}"
        reply = Reply(name, parts, pace, session.service.settings.faults, self._rng)
        self.reply = reply
        if answer.kind == "turn":
            session.unanswered = NO_SOUND
        session.send("reply.started", reply_id=reply.id, item_id=reply.item_id)
        session.log("reply_audio", reply_id=reply.id, audio_s=round(reply.duration_s, 3))
        session.inject("reply")
        if self.reply is reply and session.ready:
            reply.begin(session.send, session.timers, lambda: self._spoken(answer, reply))

    def _spoken(self, answer: Answer, reply: Reply) -> None:
        if reply.text:
            self._send_transcript(reply, reply.text, interrupted=False)
        step = answer.steps[0] if answer.steps else None
        if not isinstance(step, Call):
            self._done(answer, reply)
            return
        answer.steps.popleft()
        self._done_timer = self._session.timers.after(
            self._session.service.settings.timing.call_done_s, lambda: self._called(reply)
        )
        self.calls.place(step.tools, lambda outcome: self._results(answer, reply, outcome))

    def _called(self, reply: Reply) -> None:
        """End the reply that called tools; its answer waits for them in `calls`."""
        self.reply = self._answer = None
        self._send_done(reply, "completed")
        self.go_on()

    def _results(self, answer: Answer, reply: Reply, outcome: Outcome) -> None:
        answer.kind = "result"
        answer.known |= outcome.known
        phrases = self._session.service.settings.scenario.phrases
        if outcome.timed_out or outcome.failed:
            answer.steps = deque([Say(phrases.timeout if outcome.timed_out else phrases.error)])
        self._queue.appendleft(answer)
        if self.reply is reply:  # the client answered before reply.done
            self._session.timers.cancel(self._done_timer)
            self._called(reply)
        else:
            self.go_on()

    def _done(self, answer: Answer, reply: Reply) -> None:
        self.reply = None
        self._send_done(reply, "completed")
        if self._answer is answer:
            self._advance(answer)

    def _send_transcript(self, reply: Reply, text: str, *, interrupted: bool) -> None:
        self._session.send(
            "transcript.agent",
            reply_id=reply.id,
            item_id=reply.item_id,
            text=text,
            interrupted=interrupted,
        )

    def _send_done(self, reply: Reply, status: str) -> None:
        self._session.send("reply.done", reply_id=reply.id, status=status)


def _part(step: Step, answer: Answer, render: Any) -> Part:
    if isinstance(step, Say):
        text = filled(step.text, answer.known)
        return Part(text, render(text))
    if isinstance(step, Pause):
        return Part("", np.zeros(round(step.duration_s * SPEECH_HZ), np.int16))
    return Part("", answer.own_words)
