"""The events within a session: speech, transcripts, replies, tool calls. assemblyai.md §2 and §4."""

from binascii import a2b_base64
from collections.abc import Mapping

from voiced.agents.assemblyai.captions import Captions
from voiced.agents.assemblyai.errors import AgentError
from voiced.agents.assemblyai.replies import Replies
from voiced.agents.assemblyai.tool_result_gate import ToolTurn
from voiced.agents.assemblyai.wire import (
    Reading,
    arguments_in,
    encodable,
    frame,
    id_in,
    id_or_none,
    offset_or_none,
)
from voiced.agents.codec import Item, Message, Notice, Send
from voiced.agents.fault_counter import Faults
from voiced.agents.json_messages import Body, MalformedError, json_text, text_in
from voiced.agents.redaction import Safe
from voiced.core.events import ReplyStarted, SpeechStarted, SpeechStopped, ToolCalled
from voiced.core.pcm import Encoding, WireFormat

# Statuses after which the rest of a reply must not be played. A failed one is played to its end.
_CUT_SHORT = ("interrupted", "cancelled")


class Turns:
    """The turns and replies of one link."""

    def __init__(self, faults: Faults, safe: Safe, *, eager: bool) -> None:
        self._faults = faults
        self._safe = safe
        self._captions = Captions()
        self._replies = Replies()
        self._tools = ToolTurn(eager=eager)
        self.learn_tools, self.due_s = self._tools.learn, self._tools.due_s

    def readings(self) -> Mapping[str, Reading]:
        """Return the functions that read each kind of message about turns and replies."""
        return {
            "input.speech.started": self._speech_started,
            "input.speech.stopped": self._speech_stopped,
            "transcript.user.delta": self._user_delta,
            "transcript.user": self._user_final,
            "reply.started": self._reply_started,
            "reply.audio": self._reply_audio,
            "transcript.agent.delta": self._agent_delta,
            "transcript.agent": self._agent_final,
            "reply.done": self._reply_done,
            "reply.error": self._reply_error,
            "tool.call": self._tool_call,
        }

    def expect(self, downlink: WireFormat) -> None:
        """Expect replies in this format."""
        self._replies.sample_bytes = 2 if downlink.encoding is Encoding.S16LE else 1

    def return_tool(self, call_id: str, result: str, *, is_error: bool, now_s: float) -> list[Item]:
        """Take a tool's result; return what to send now."""
        fields: dict[str, object] = {"call_id": call_id, "result": encodable(result)}
        if is_error:
            fields["is_error"] = True  # sent only if true: older servers do not know it
        message = frame("tool.result", **fields)
        return _sends(self._tools.give(call_id, message, now_s))

    def advance(self, now_s: float) -> list[Item]:
        """Return the tool results to send now."""
        return _sends(self._tools.advance(now_s))

    def _speech_started(self, _body: Body, _now_s: float) -> list[Item]:
        self._tools.speech_started()
        return [SpeechStarted()]

    def _speech_stopped(self, _body: Body, now_s: float) -> list[Item]:
        self._tools.speech_stopped(now_s)
        return [SpeechStopped()]

    def _user_delta(self, body: Body, _now_s: float) -> list[Item]:
        return [*self._captions.user_so_far(id_or_none(body, "item_id"), text_in(body, "text"))]

    def _user_final(self, body: Body, _now_s: float) -> list[Item]:
        return [*self._captions.user_said(id_or_none(body, "item_id"), text_in(body, "text"))]

    def _reply_started(self, body: Body, now_s: float) -> list[Item]:
        reply_id = id_or_none(body, "reply_id") or self._replies.invent_id()
        items = self._replies.started(reply_id)
        if items:
            self._tools.reply_started(now_s)
        return items

    def _reply_audio(self, body: Body, now_s: float) -> list[Item]:
        reply_id = id_or_none(body, "reply_id")
        try:
            payload = a2b_base64(text_in(body, "data"), strict_mode=True)
        except ValueError:
            self._faults.blame(reply_id or self._replies.current)
            raise MalformedError("whose data is not base64") from None
        items = self._replies.audio(reply_id, payload)
        if items and isinstance(items[0], ReplyStarted):
            self._tools.reply_started(now_s)
        self._tools.reply_goes_on(now_s)
        return items

    def _agent_delta(self, body: Body, _now_s: float) -> list[Item]:
        at_ms = offset_or_none(body, "start_ms")
        piece, reply_id = text_in(body, "delta"), id_or_none(body, "reply_id")
        return [*self._captions.agent_goes_on(_utterance(body), piece, reply_id, at_ms)]

    def _agent_final(self, body: Body, _now_s: float) -> list[Item]:
        text, interrupted = text_in(body, "text"), body.get("interrupted") is True
        key, reply_id = _utterance(body), id_or_none(body, "reply_id")
        return [*self._captions.agent_said(key, text, reply_id, interrupted=interrupted)]

    def _reply_done(self, body: Body, now_s: float) -> list[Item]:
        reply_id = id_or_none(body, "reply_id") or self._replies.current
        status = body.get("status")
        interrupted = status in _CUT_SHORT
        is_new = not self._replies.is_over(reply_id)
        items = self._replies.done(reply_id, interrupted=interrupted)
        if interrupted:
            for name in self._tools.discard(reply_id):
                text = f"the tool {self._safe(name)} had finished, but its turn was interrupted"
                items.append(Notice("info", text))
        if status == "failed" and is_new:
            self._faults.blame(reply_id)
            items.append(self._faults.note("failed reply", "a reply failed; it ends where it is"))
        if is_new and self._replies.current is None:
            if interrupted:
                self._tools.reply_interrupted(now_s)
            else:
                self._tools.reply_done()
        return items + self.advance(now_s)

    def _reply_error(self, body: Body, _now_s: float) -> list[Item]:
        error = AgentError(self._safe(body.get("code")), self._safe(body.get("message")))
        self._faults.blame(body.get("reply_id"))
        return [self._faults.note("reply.error", f"a reply failed: {error}")]

    def _tool_call(self, body: Body, now_s: float) -> list[Item]:
        call_id, name = id_in(body, "call_id"), body.get("name")
        name = name if isinstance(name, str) else ""
        if self._tools.is_remote(name):
            return []
        if not self._tools.call(call_id, name, self._replies.current, now_s):
            return []
        try:
            return [ToolCalled(call_id, id_in(body, "name"), arguments_in(body))]
        except MalformedError as exc:
            self._faults.blame(call_id)
            answer = json_text({"error": f"the call came {exc}"})
            refusal = self.return_tool(call_id, answer, is_error=True, now_s=now_s)
            return [self._faults.malformed("tool.call", str(exc)), *refusal]


def _utterance(body: Body) -> str | None:
    return id_or_none(body, "item_id") or id_or_none(body, "reply_id")


def _sends(messages: list[Message]) -> list[Item]:
    return [Send(message) for message in messages]
