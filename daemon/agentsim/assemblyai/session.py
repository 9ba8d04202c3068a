"""A session: what the agent remembers, across connections."""

from datetime import UTC, datetime
from typing import Any, Literal

from agentsim.assemblyai.credentials import Credentials, Visitor
from agentsim.assemblyai.hearing import Hearing
from agentsim.assemblyai.refusal import Refusal
from agentsim.assemblyai.sender import Sender
from agentsim.assemblyai.session_object import check_later, check_prompt, merged, unknown_keys
from agentsim.assemblyai.session_state import SessionState
from agentsim.assemblyai.settings import Settings
from agentsim.assemblyai.talk import Talk
from agentsim.stand_in import StandIn
from agentsim.steps import Call, Say, ToolOrder
from agentsim.timers import Timers

AGENT_TIMEOUT_S = 10.0


class AgentSession(SessionState):
    """One conversation with the stand-in.

    Tests make things happen with `hear`, `say`, `interrupt`, `call`, `end`, `drop`, `freeze` and `fail`.

    Attributes:
        visitor: Who opened it.
        ended: How it ended; empty before.
        talk: The agent's side.
        hearing: The user's side.
    """

    def __init__(
        self,
        service: StandIn[Settings],
        credentials: Credentials,
        name: str,
        visitor: Visitor,
        config: dict[str, Any],
    ) -> None:
        super().__init__(service, name, config)
        self.visitor = visitor
        self.ended: Literal["", "ended", "expired"] = ""
        self.talk = Talk(self, self.finish)
        self.hearing = Hearing(self, self.talk)
        self._credentials = credentials
        self._life = Timers(service.timers.loop)
        self._began_at = self.timers.now()
        self._resumed = False

    # From start to end

    def begin(self, connection: Sender) -> None:
        """Become ready on the connection that asked for the session."""
        self._attach(connection)
        limit_s = min(self.service.settings.timing.session_s, self.visitor.session_s)
        self._expires_at = int(datetime.now(UTC).timestamp() + limit_s)
        self._life.after(limit_s, self.finish)
        self._prepare()

    def resume(self, connection: Sender) -> None:
        """Continue on another connection; drop the earlier one if it still seems open."""
        abandoned = self.connection
        if abandoned:
            self.detach()
            abandoned.drop()
        self._resumed = True
        self._life.cancel(self._grace)
        self._attach(connection)
        self._prepare()

    def detach(self) -> None:
        """Handle a lost connection: stop speaking and listening, wait to be resumed."""
        self.talk.forget()
        self.hearing.forget()
        self.timers.cancel_all()
        self.connection, self.ready = None, False
        if not self.ended:
            self.log("grace")
            self._grace = self._life.after(self.service.settings.timing.grace_s, self.expire)

    def finish(self) -> None:
        """End the session: session.ended, then close 1000."""
        if self.ended:
            return
        self.send(
            "session.ended",
            session_duration_seconds=round(self.timers.now() - self._began_at, 3),
            audio_duration_seconds=round(self.hearing.uplink.audio_s, 3),
        )
        self._end("ended")

    def expire(self) -> None:
        """End a session that was not resumed in time."""
        if not self.ended:
            self._end("expired")

    def update(self, update: Any) -> None:
        """Take a later `session.update`.

        Raises:
            Refusal: If the service would refuse it.
        """
        session = check_later(update)
        check_prompt(session, self.service.settings.faults)
        for key in unknown_keys(session):
            self.violate(f"extra-key:session.{key}")
        self.config = merged(self.config, session)
        self.hearing.tune()
        self.send("session.updated", config=self.config)

    def receive(self, body: dict[str, Any]) -> None:
        """Take an event of a ready session.

        Raises:
            Refusal: If the service would refuse it.
        """
        kind = body["type"]
        if kind == "input.audio":
            if "audio" not in body and self.service.settings.mode == "strict":
                raise Refusal("invalid_format", "audio is missing.", "audio")
            self.hearing.take(body.get("audio"))
        elif kind == "tool.result":
            self.talk.calls.result(body)
        elif kind == "reply.create":
            self._create(body.get("instructions", ""))
        elif kind == "conversation.message":
            self._check_message(body)
        elif kind == "reply.cancel":
            self.violate("reply.cancel")
            if self.talk.reply and body.get("reply_id") == self.talk.reply.id:
                self.talk.interrupt()

    def summary(self) -> dict[str, Any]:
        """Return what the REST listing shows."""
        status = self.ended or ("active" if self.connection else "grace")
        return {
            "session_id": self.id,
            "status": status,
            "audio_duration_seconds": round(self.hearing.uplink.audio_s, 3),
        }

    # For tests

    def hear(self, text: str) -> None:
        """Behave as if the user had just said `text`: a whole turn, which may interrupt a reply."""
        self.hearing.pretend(text)

    def say(self, text: str) -> None:
        """Speak without a turn of the user, as soon as no one is speaking."""
        self.talk.say((Say(text),), "own", 0)

    def call(self, name: str, arguments: dict[str, Any] | None = None, then: str = "Done.") -> None:
        """Call a tool in a reply of its own, then say `then` with the result."""
        self.talk.say((Call((ToolOrder(name, arguments or {}),)), Say(then)), "own", 0)

    def interrupt(self) -> None:
        """Interrupt the reply as if the user had begun to speak, without a turn after it."""
        self.send("input.speech.started")
        self.talk.interrupt()

    def end(self) -> None:
        """End the session as the service would on its own."""
        self.finish()

    def drop(self) -> None:
        """Cut the connection without a close message; the session waits to be resumed."""
        if self.connection:
            self.connection.drop()

    def freeze(self) -> None:
        """Stop reading and writing but keep the connection."""
        if self.connection:
            self.connection.freeze()

    def fail(self, code: str, message: str = "A fault was asked for.") -> None:
        """Send session.error; a fatal code closes the connection."""
        if self.connection:
            self.connection.refuse(Refusal(code, message))

    def _attach(self, connection: Sender) -> None:
        self.connection, connection.session_id = connection, self.id

    def _prepare(self) -> None:
        """Become ready after a delay, or never."""
        timing, faults = self.service.settings.timing, self.service.settings.faults
        if "never-ready" in faults:
            self.timers.after(AGENT_TIMEOUT_S, lambda: self.fail("agent_timeout"))
            return
        late = faults.get("late-ready")
        delay_s = timing.ready_s + (late.number if late else 0)
        if self.service.settings.mode == "live" and not self._resumed:
            lead_s = max(0.0, delay_s - timing.updated_lead_s)
            self.timers.after(lead_s, lambda: self.send("session.updated", config=self.config))
        self.timers.after(delay_s, self._become_ready)

    def _become_ready(self) -> None:
        self.ready = True
        self.hearing.open()
        self.send(
            "session.ready",
            session_id=self.id,
            expires_at=self._expires_at,
            resume_token=self._credentials.rotate(self.id, self.visitor.owner),
            config=self.config,
        )
        greeting = self.config.get("greeting") or self.service.settings.scenario.greeting
        if greeting and not self._resumed:
            self.talk.say((Say(greeting),), "greeting", self.service.settings.timing.greeting_s)
        self.inject("ready")

    def _end(self, how: Literal["ended", "expired"]) -> None:
        self.ended = how
        self.log("session_over", how=how, audio_s=round(self.hearing.uplink.audio_s, 3))
        self._life.cancel_all()
        self.hearing.uplink.close()
        if self.connection:
            self.connection.close(1000)

    def _create(self, instructions: Any) -> None:
        if not isinstance(instructions, str):
            raise Refusal("invalid_format", "instructions must be a string.", "instructions")
        self.talk.create(instructions, self.service.settings.timing.create_s)

    def _check_message(self, body: dict[str, Any]) -> None:
        if body.get("role") not in {"user", "system"}:
            raise Refusal("invalid_format", "role must be user or system.", "role")
        if not isinstance(body.get("content"), str):
            raise Refusal("invalid_format", "content must be a string.", "content")
