"""WorkBuddy Voice: a token, one text message, then sound in both directions. workbuddy.md.

The protocol has no sessions to resume, no transcripts, no tools and no events about who speaks:
replies are detected from the sound itself.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from voiced.agents.codec import (
    AgentCodec,
    AgentSettings,
    Dial,
    DialPlan,
    HttpAnswer,
    HttpCall,
    Item,
    Message,
    ReplyAudio,
    Send,
)
from voiced.agents.fault_counter import Faults
from voiced.agents.json_messages import (
    MalformedError,
    is_credential,
    json_text,
    read_object,
    text_in,
)
from voiced.agents.redaction import safe
from voiced.agents.tokens import owners_token, token_answer
from voiced.core.events import AgentReady, Event, ReplyDone, ReplyStarted, SessionEnded
from voiced.core.pcm import WireFormat
from voiced.errors import AgentBusy, LinkError, LinkRejected, Problem, Redial
from voiced.lib.permissions import Permission

FRAME_BYTES = 640  # exactly 20 ms; workbuddy.md §3
FRAME_S = 0.02
SILENCE = bytes(FRAME_BYTES)
MOST_BEHIND_S = 0.2  # no burst is longer; workbuddy.md §5
HEARTBEAT_EVERY_S = 60.0  # never faster; workbuddy.md §1
SHUTDOWN_WAIT_S = 5.0
SETUP_WAIT_S = 1.0

# Louder samples (-60 dBFS) are speech: between replies there is digital silence, or codec noise.
AUDIBLE = 32
REPLY_OVER_S = 0.6  # without audible sound: longer than a pause between two words
LEAD_IN_BYTES = 2 * FRAME_BYTES  # kept from before the threshold: a soft 'h' begins below it

# Error codes and the close codes that stand for them. workbuddy.md §4
CLOSES = {
    4001: "AUTH_TIMEOUT",
    4002: "INVALID_AUTH",
    4003: "AUTH_FAILED",
    4500: "SESSION_SETUP_FAILED",
}
_REMEDIES = {
    "INVALID_AUTH": "the service does not accept this version of voiced; update voiced",
    "AUTH_FAILED": "check agent.key",
}
_TOKEN_REMEDIES: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "check agent.key",
    HTTPStatus.FORBIDDEN: "the key is right, but the kiosk is not active; activate it",
    HTTPStatus.NOT_FOUND: "check agent.url",
    HTTPStatus.BAD_REQUEST: "check agent.url",
}


@dataclass(slots=True)
class Memory:
    """What outlives a link.

    Attributes:
        settings: The settings of the next session.
        retried: Error codes after which one more attempt was made since the last success.
        unanswered: Sockets dialled since the last one that opened.
        heartbeat_at_s: When the last heartbeat was sent.
        replies: The number of replies so far; makes their ids.
    """

    settings: AgentSettings
    retried: set[str]
    unanswered: int = 0
    heartbeat_at_s: float = float("-inf")
    replies: int = 0


class WorkBuddy:
    """Makes a codec per link; implements `Agent`."""

    resumable = False
    announces = False
    takes_tools = False
    personal: Mapping[str, tuple[str, ...]] = {}
    session_permissions: Mapping[str, Permission] = {}
    scheme = "https"
    default_url = None

    def __init__(self, settings: AgentSettings) -> None:
        self._memory = Memory(settings, set())

    @staticmethod
    def check_session(session: Mapping[str, Any]) -> list[Problem]:
        hint = "remove it; this agent is configured where it was created"
        return [Problem((key,), "is not a setting of this agent", hint) for key in session]

    def codec(self, resume_key: str | None, *, greet: bool = True) -> AgentCodec:  # noqa: ARG002 - the port fixes the signature
        return WorkBuddyCodec(self._memory)

    def update(self, settings: AgentSettings) -> None:
        self._memory.settings = settings
        self._memory.retried.clear()

    def voice_check(self) -> None:
        return None


class WorkBuddyCodec:
    """Client side of one link. Made fresh for every link; see `AgentCodec`."""

    uplink = downlink = WireFormat(16_000)
    uplink_speed = 1.0  # no burst over 200 ms; workbuddy.md §5
    uplink_lead_s: float | None = None
    ready_timeout_s = 15.0
    farewell_timeout_s = 2.0
    keep_s: float | None = 2.0
    queue_ms: float | None = 180.0
    heralds: bool = False

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._settings = memory.settings
        self._token = ""
        self._faults = Faults(self._safe)
        self._ready = False
        self._silence_at_s: float | None = None  # when the next frame of silence is due
        self._close = ""
        self._last_error = ""
        self._unframed = b""
        self._odd = b""
        self._reply_id: str | None = None
        self._audible_at_s = 0.0
        self._lead_in: deque[bytes] = deque()

    def plan_dial(self, now_s: float) -> DialPlan:
        memory, source = self._memory, self._settings.token
        if source is not None:
            self._token, beside = yield from owners_token(source)
            return Dial(_owners_url(beside))
        # After a socket that did not open, the heartbeat checks the key. workbuddy.md §1
        if memory.unanswered and now_s - memory.heartbeat_at_s >= HEARTBEAT_EVERY_S:
            memory.heartbeat_at_s = now_s
            _check_heartbeat((yield self._call("heartbeat")))
        self._token, url = _token_in((yield self._call("token")))
        memory.unanswered += 1
        return Dial(url)

    def greet(self) -> list[Message]:
        self._memory.unanswered = 0
        return [json_text({"token": self._token})]

    def receive(self, message: Message, now_s: float) -> list[Item]:
        if isinstance(message, bytes):
            return self._hear(message, now_s)
        try:
            body = read_object(message)
            kind = text_in(body, "type")
        except MalformedError as exc:
            return [self._faults.malformed("message", str(exc))]
        match kind:
            case "connected":
                return self._connected(now_s)
            case "agent_ready":
                return self._agent_ready()
            case "session_ended":
                return self._session_ended(self._safe(body.get("reason")))
            case "error":
                return self._error(self._safe(body.get("code")), self._safe(body.get("message")))
            case _:
                text = f"ignored a message of the unknown type {self._safe(kind)!r}"
                return [self._faults.note("unknown type", text, "debug")]

    def closed(self, code: int | None, reason: str) -> Event:
        reason = self._safe(reason)
        self._close = f"{code} {reason}".rstrip()
        if code == 1000:  # noqa: PLR2004 - workbuddy.md §4: the agent left
            return SessionEnded(reason)
        if code in CLOSES:
            raise self._ending(CLOSES[code], reason)
        if code is None:
            raise LinkError(f"the connection was lost{': ' if reason else ''}{reason}")
        raise LinkError(f"the agent closed the link ({code}{', ' if reason else ''}{reason})")

    def encode_audio(self, payload: bytes) -> list[Message]:
        pcm = self._unframed + payload
        whole = len(pcm) - len(pcm) % FRAME_BYTES
        self._unframed = pcm[whole:]
        return [pcm[at : at + FRAME_BYTES] for at in range(0, whole, FRAME_BYTES)]

    def return_tool(self, call_id: str, result: str, *, is_error: bool, now_s: float) -> list[Item]:  # noqa: ARG002 - this agent has no tools
        return []

    def say(self, instructions: str) -> list[Message]:  # noqa: ARG002 - this agent takes none
        return []

    def update(self, settings: AgentSettings) -> list[Message]:  # noqa: ARG002 - nothing can change
        return []

    def farewell(self) -> list[Message]:
        return []

    def due_s(self) -> float | None:
        if self._silence_at_s is not None:
            return self._silence_at_s
        return None if self._reply_id is None else self._audible_at_s + REPLY_OVER_S

    def advance(self, now_s: float) -> list[Item]:
        if self._silence_at_s is not None:
            return self._silence_until(now_s)
        due_s = self.due_s()
        if due_s is None or now_s < due_s or self._reply_id is None:
            return []
        done, self._reply_id = self._reply_id, None
        return [ReplyDone(done)]

    def support(self) -> Mapping[str, str]:
        known = {
            "host": urlsplit(self._settings.url).netloc.rpartition("@")[2],
            "close": self._close,
            "last_error": self._last_error,
            "faults": self._faults.summary(),
        }
        return {name: value for name, value in known.items() if value}

    def _connected(self, now_s: float) -> list[Item]:
        """Begin to send silence: the service may wait for sound before it connects the agent.

        Speech is kept until the agent is ready, so that it hears every word.
        """
        if self._ready or self._silence_at_s is not None:
            return []
        self._silence_at_s = now_s
        return self._silence_until(now_s)

    def _silence_until(self, now_s: float) -> list[Item]:
        """Return the frames of silence that are due by now, at the rate of real time."""
        # After a stall of the loop, frames older than the longest burst are skipped.
        next_s = max(self._silence_at_s or 0.0, now_s - MOST_BEHIND_S)
        frames: list[Item] = []
        while next_s <= now_s:
            frames.append(Send(SILENCE))
            next_s += FRAME_S
        self._silence_at_s = next_s
        return frames

    def _agent_ready(self) -> list[Item]:
        if self._ready:
            return []
        self._ready, self._silence_at_s = True, None
        self._memory.retried.clear()
        return [AgentReady(resume_key=None)]

    def _session_ended(self, reason: str) -> list[Item]:
        if reason == "server_shutdown":
            raise AgentBusy("the agent's server is shutting down", SHUTDOWN_WAIT_S)
        return [SessionEnded(reason)]

    def _error(self, code: str, message: str) -> list[Item]:
        self._last_error = f"{code}{': ' if message else ''}{message}"
        if code.upper() in CLOSES.values():
            raise self._ending(code.upper(), message)
        return [self._faults.note("error", f"the agent reported {self._last_error or 'an error'}")]

    def _ending(self, code: str, message: str) -> LinkError:
        """Return the reaction to an error of workbuddy.md §4."""
        reason = f"the agent reported {code}{': ' if message else ''}{message}"
        if code == "SESSION_SETUP_FAILED":
            return AgentBusy(reason, SETUP_WAIT_S)
        if code not in self._memory.retried:
            self._memory.retried.add(code)
            return Redial(f"{reason}; trying once more with a fresh token")
        if code == "AUTH_TIMEOUT":  # a slow network, not a wrong key
            return LinkError(reason)
        remedy = _REMEDIES[code]
        if self._settings.token is not None:
            remedy = remedy.replace("agent.key", "agent.token")
        return LinkRejected(reason, remedy)

    def _hear(self, message: bytes, now_s: float) -> list[Item]:
        """Divide the sound into replies: from the first audible sample to a long enough silence."""
        pcm = self._odd + message  # a message may end within a sample
        whole = len(pcm) - len(pcm) % 2
        pcm, self._odd = pcm[:whole], pcm[whole:]
        items: list[Item] = self.advance(now_s)
        if _peak(pcm) > AUDIBLE:
            self._audible_at_s = now_s
            if self._reply_id is None:
                self._memory.replies += 1
                self._reply_id = f"reply_{self._memory.replies}"
                items.append(ReplyStarted(self._reply_id))
                pcm = b"".join(self._lead_in) + pcm
                self._lead_in.clear()
        if self._reply_id is not None:
            return [*items, ReplyAudio(self._reply_id, pcm)] if pcm else items
        self._lead_in.append(pcm)
        while sum(map(len, self._lead_in)) > LEAD_IN_BYTES:
            self._lead_in.popleft()
        return items

    def _call(self, what: str) -> HttpCall:
        headers = {"Authorization": f"Bearer {self._settings.key or ''}".rstrip()}
        headers["Content-Type"] = "application/json"
        parts = urlsplit(self._settings.url)
        path = f"{parts.path.rstrip('/')}/api/v1/sdk/{what}"
        return HttpCall(
            "POST", urlunsplit((parts.scheme, parts.netloc, path, "", "")), headers, b"{}"
        )

    def _safe(self, text: object) -> str:
        source = self._settings.token
        headers = [*source.headers.values()] if source else []
        return safe(text, [self._settings.key or "", self._token, *headers])


def _peak(pcm: bytes) -> int:
    samples = memoryview(pcm).cast("h")
    return max(max(samples, default=0), -min(samples, default=0))


def _check_heartbeat(answer: HttpAnswer) -> None:
    """Raise LinkRejected if the socket did not open because of the key."""
    if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise LinkRejected(
            f"the heartbeat was refused (HTTP {answer.status})", _TOKEN_REMEDIES[answer.status]
        )


def _owners_url(beside: Mapping[str, Any]) -> str:
    """Return the WebSocket address for a token from `agent.token`, part of the service's answer."""
    url = beside.get("ws_url")
    if not isinstance(url, str) or not url:
        raise LinkError(
            "what agent.token returned contains no ws_url; pass on the whole answer of the service"
        )
    return url


def _token_in(answer: HttpAnswer) -> tuple[str, str]:
    """Return the token and the WebSocket address; raises as `token_answer` does."""
    body = token_answer(answer, _TOKEN_REMEDIES)
    token, url = body.get("token"), body.get("ws_url")
    if not is_credential(token) or not isinstance(url, str) or not url:
        raise LinkError(
            "the answer to the token request contains no token; "
            "does this network have a login page?"
        )
    return token, url
