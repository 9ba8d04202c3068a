"""One link to the AssemblyAI Voice Agent API: opening, changing and ending a session on it."""

from binascii import b2a_base64
from collections.abc import Mapping

from voiced.agents.assemblyai.agent_state import Memory
from voiced.agents.assemblyai.auth import SignIn
from voiced.agents.assemblyai.errors import (
    BREAKDOWNS,
    ERRORS,
    AgentError,
    CloseCode,
    Reaction,
    Stage,
    end_by_close,
    end_by_error,
)
from voiced.agents.assemblyai.session_updates import changes, waiting, whole, wire_format
from voiced.agents.assemblyai.turns import Turns
from voiced.agents.assemblyai.wire import Reading, encodable, frame, id_in, lifetime_in
from voiced.agents.codec import AgentSettings, DialPlan, Item, Message, Notice, Send
from voiced.agents.fault_counter import Faults
from voiced.agents.json_messages import Body, MalformedError, is_credential, read_message, text_in
from voiced.agents.redaction import safe
from voiced.core.events import AgentReady, Event, SessionEnded, UpdateRefused
from voiced.errors import LinkError, Redial, ResumeRefused

LONGEST_REACHED = "the session reached its longest duration"
# The service does not warn: a 1008 without a reason this near the end means expiry, not a bad key.
OLD_AGE_S = 60.0


class AssemblyAiCodec:
    """Client side of one link. Made fresh for every link; see `AgentCodec`."""

    # Documented is real time; a burst of 7.3 s at three times that rate was accepted. assemblyai.md §8
    uplink_lead_s: float | None = 4.5
    ready_timeout_s = 15.0  # assemblyai.md §8: 10-15 s
    farewell_timeout_s = 3.0  # assemblyai.md §8: 3-5 s
    keep_s: float | None = None
    queue_ms: float | None = None
    heralds: bool = True

    def __init__(self, memory: Memory, resume_key: str | None, *, greet: bool = True) -> None:
        self._memory = memory
        self._settings = memory.settings
        self._resume_key = resume_key
        self._session = memory.session(resume_key, greet=greet)
        self.uplink = self._session.uplink
        self.downlink = self._session.downlink
        self._sign_in = SignIn(memory, self._session)
        self._faults = Faults(self._safe)
        self._turns = Turns(self._faults, self._safe, eager=memory.settings.eager_tools)
        self._turns.expect(self.downlink)
        self._turns.learn_tools(self._session.told.get("tools"))
        self.return_tool, self.due_s = self._turns.return_tool, self._turns.due_s
        self.advance = self._turns.advance
        self._stage = Stage.OPENING if resume_key is None else Stage.RESUMING
        self._session_id = resume_key or ""
        self._unsaid: list[Item] = []
        self._last_error: AgentError | None = None
        self._ending: LinkError | None = None
        self._ended = False
        self._heard_at_s, self._old_at_s = 0.0, float("inf")
        self._close = ""
        self._readings: dict[str, Reading] = {
            "session.updated": self._session_updated,
            "session.ready": self._session_ready,
            "session.ended": self._session_ended,
            "session.error": self._session_error,
            "error": self._session_error,  # what older servers call it; assemblyai.md §12
            **self._turns.readings(),
        }

    @property
    def uplink_speed(self) -> float:
        return 1.0 if self._memory.real_time_only else 2.0

    def plan_dial(self, now_s: float) -> DialPlan:  # noqa: ARG002 - the port fixes the signature
        return self._sign_in.plan()

    def greet(self) -> list[Message]:
        if self._resume_key is not None:
            return [frame("session.resume", session_id=self._resume_key)]
        return [frame("session.update", session=self._session.told)]

    def receive(self, message: Message, now_s: float) -> list[Item]:
        items, self._unsaid = self._unsaid, []
        self._heard_at_s = now_s
        kind = "message"
        try:
            body = read_message(message)
            kind = text_in(body, "type")
            reading = self._readings.get(kind)
            if reading is not None:
                items += reading(body, now_s)
            else:
                text = f"ignored a message of the unknown type {self._safe(kind)!r}"
                items.append(self._faults.note("unknown type", text, "debug"))
        except MalformedError as exc:
            items.append(self._faults.malformed(kind, str(exc)))
        return items

    def closed(self, code: int | None, reason: str) -> Event:
        reason = self._safe(reason)
        self._close = f"{code} {reason}".rstrip()
        if self._ended:
            return SessionEnded(reason)
        if self._ending is not None:
            raise self._ending
        if code == CloseCode.CLEAN:
            return SessionEnded(reason or str(self._last_error or ""))
        if code == CloseCode.POLICY and self._is_of_age(reason):
            return SessionEnded(LONGEST_REACHED)
        again = self._session.has_failed
        ending = end_by_close(code, reason, self._last_error, self._stage, again=again)
        # After `again` was read: the first failure resumes the session, the second one costs it.
        self._session.has_failed |= code == CloseCode.SERVER_ERROR
        if code == CloseCode.POLICY and self._last_error is None:
            ending = self._sign_in.refused(ending.reason)
        raise self._over(ending)

    def encode_audio(self, payload: bytes) -> list[Message]:
        # Base64 holds nothing that JSON would escape, so no encoder copies it again.
        audio = b2a_base64(payload, newline=False).decode("ascii")
        return [f'{{"type":"input.audio","audio":"{audio}"}}']

    def say(self, instructions: str) -> list[Message]:
        return [frame("reply.create", instructions=encodable(instructions))]

    def update(self, settings: AgentSettings) -> list[Message]:
        later = waiting(whole(self._settings), whole(settings))
        if later:
            text = f"changed for the next session: agent.session.{{{', '.join(later)}}}"
            self._unsaid.append(Notice("info", text))
        self._settings = settings
        return self._catch_up() if self._stage is Stage.READY else []

    def farewell(self) -> list[Message]:
        ended, self._ended = self._ended, True
        return [] if ended else [frame("session.end")]

    def support(self) -> Mapping[str, str]:
        known = {
            "session_id": self._safe(self._session_id),
            "host": self._sign_in.host,
            "close": self._close,
            "last_error": str(self._last_error or ""),
            "culprit": self._faults.culprit,
            "faults": self._faults.summary(),
        }
        return {name: value for name, value in known.items() if value}

    def _session_updated(self, body: Body, _now_s: float) -> list[Item]:
        config = body.get("config")
        if not isinstance(config, dict):
            return []
        self._turns.learn_tools(config.get("tools"))
        if self._stage is Stage.OPENING:  # a stored agent has formats of its own
            self.uplink = wire_format(config, "input", self.uplink)
            self.downlink = wire_format(config, "output", self.downlink)
            self._turns.expect(self.downlink)
        return []

    def _session_ready(self, body: Body, now_s: float) -> list[Item]:
        self._session_updated(body, now_s)
        notices: list[Item] = []
        try:
            session_id = id_in(body, "session_id")
        except MalformedError as exc:  # the session can still be used, though not resumed
            session_id = self._resume_key or ""
            notices.append(self._faults.malformed("session.ready", str(exc)))
        if self._stage is Stage.RESUMING and session_id != self._resume_key:
            raise self._over(ResumeRefused("the agent opened another session than we asked for"))
        lifetime_s = None
        try:
            lifetime_s = lifetime_in(body)
        except MalformedError as exc:
            notices.append(self._faults.malformed("session.ready", str(exc)))
        if lifetime_s is not None:
            self._old_at_s = now_s + lifetime_s - OLD_AGE_S
        if is_credential(resume_token := body.get("resume_token")):
            self._session.resume_token = resume_token
        if self._stage is Stage.READY:
            return notices
        self._stage = Stage.READY
        self._session_id = self._session.session_id = session_id
        self._session.uplink, self._session.downlink = self.uplink, self.downlink
        notices += self._memory.opened(self._session)
        updates = [Send(message) for message in self._catch_up()]
        return [AgentReady(session_id or None, lifetime_s), *notices, *updates]

    def _session_ended(self, _body: Body, _now_s: float) -> list[Item]:
        self._ended = True
        return [SessionEnded(str(self._last_error or ""))]

    def _session_error(self, body: Body, _now_s: float) -> list[Item]:
        error = AgentError(
            self._safe(body.get("code")).lower(),
            self._safe(body.get("message")),
            self._safe(body.get("param")).lower(),
        )
        self._last_error = error
        self._session_id = self._session_id or self._safe(body.get("session_id"))
        if error.code == "session_expired" and self._stage is Stage.READY:
            self._ended = True
            return [SessionEnded(LONGEST_REACHED)]
        if self._is_about_voice(error):
            self._memory.refuse_voice(self._session.told["output"]["voice"])
            raise self._over(Redial("the agent does not know the configured voice"))
        if error.code == "audio_rate_violation":
            self._memory.real_time_only = True
        ending = end_by_error(error, self._stage, again=self._session.has_failed)
        if ending is None:
            kind = error.code if error.code in ERRORS else "unknown error"
            notice = self._faults.note(kind, f"the agent reported {error}")
            about_settings = error.row.reaction is Reaction.CONFIGURE
            return [notice, UpdateRefused()] if about_settings else [notice]
        self._session.has_failed |= error.row.reaction in BREAKDOWNS
        if error.row.reaction is Reaction.SIGN_IN:
            ending = self._sign_in.refused(ending.reason)
        raise self._over(ending)

    def _is_of_age(self, reason: str) -> bool:
        """Return whether a close without another error means that the session has expired."""
        if self._stage is not Stage.READY or self._last_error is not None:
            return False
        return "session_expired" in reason.lower() or self._heard_at_s >= self._old_at_s

    def _is_about_voice(self, error: AgentError) -> bool:
        return (
            self._stage is Stage.OPENING
            and error.code == "invalid_value"
            and error.param.removeprefix("session.") == "output.voice"
            and "voice" in self._session.told.get("output", {})
        )

    def _catch_up(self) -> list[Message]:
        """Return the update that brings the running session to the current settings, if needed."""
        changed = changes(self._session.told, whole(self._settings))
        if not changed:
            return []
        self._session.tell(changed)
        self._turns.learn_tools(changed.get("tools"))
        return [frame("session.update", session=changed)]

    def _over(self, ending: LinkError) -> LinkError:
        """Remember why the link ends: `closed` comes later and must give the same reason."""
        self._ending = ending
        return ending

    def _safe(self, text: object) -> str:
        return safe(text, [*self._sign_in.secrets(), *self._session.private])
