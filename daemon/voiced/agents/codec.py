"""The interface of an agent protocol. No sockets, no clocks, no tasks, no logging."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from voiced.core.events import Event
from voiced.core.pcm import WireFormat
from voiced.errors import Problem
from voiced.lib.permissions import Permissions

Message = str | bytes  # one WebSocket message: text or binary
MOST_CAPTION_BYTES = 64 * 1024  # for one reply or one user turn: more than an hour of speech
LONGEST_CHAR_BYTES = 4  # in UTF-8 and in Python's memory


@dataclass(frozen=True, slots=True)
class Dial:
    """Where and how to open the WebSocket. URL and headers may hold secrets."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class HttpCall:
    """One HTTPS request that a protocol needs before it can dial. URL and headers may hold secrets."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class ProgramCall:
    """A program that prints what a protocol needs before it can dial: `agent.token.command`."""

    argv: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """The server's answer. Header names are in lower case."""

    status: int
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class VoiceCheck:
    """How to check that the agent has the configured voice.

    Attributes:
        voice: Its name.
        call: The request to make.
        is_listed: Reads any answer; None if it is not a list of voices.
    """

    voice: str
    call: HttpCall
    is_listed: Callable[[HttpAnswer], bool | None] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ReplyAudio:
    """Sound to play, in the codec's `downlink` format. Media, not an event."""

    reply_id: str
    payload: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Caption:
    """The words of one utterance so far, for people to read. Never logged.

    Captions are kept, queued and copied, and an agent may send megabytes: text beyond
    `MOST_CAPTION_BYTES` is cut off.

    Attributes:
        speaker: Who said it.
        text: The whole text so far, not only the newest words.
        final: The final transcript; nothing follows for this utterance.
        interrupted: The agent was interrupted; `text` is what it had spoken.
        reply_id: The reply it is part of, if the agent tells.
        at_ms: Position of its newest words in the sound of that reply, if the agent tells.
    """

    speaker: Literal["user", "agent"]
    text: str = field(repr=False)
    final: bool = False
    interrupted: bool = False
    reply_id: str | None = field(default=None, compare=False)
    at_ms: float | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        # Short texts are the rule: only one that could be too long is encoded to find out.
        if len(self.text) > MOST_CAPTION_BYTES // LONGEST_CHAR_BYTES:
            object.__setattr__(self, "text", within_caption(self.text))


def within_caption(text: str) -> str:
    """Return `text`, cut to what a caption holds."""
    encoded = text[:MOST_CAPTION_BYTES].encode("utf-8", "replace")
    return encoded[:MOST_CAPTION_BYTES].decode("utf-8", "ignore")


@dataclass(frozen=True, slots=True)
class Send:
    """A message to send now."""

    message: Message = field(repr=False)


@dataclass(frozen=True, slots=True)
class Notice:
    """A line for the log. Holds no transcript, prompt, key, token or audio."""

    severity: Literal["debug", "info", "warning"]
    text: str


Item = Event | ReplyAudio | Caption | Send | Notice

DialCall = HttpCall | ProgramCall

DialPlan = Generator[DialCall, HttpAnswer, Dial]
"""Yields calls, receives their answers, returns where to dial. A program's output is an answer with status 200.

Raises:
    LinkRejected: If only the owner can solve the problem.
    AgentBusy: If the service asks us to try again later.
    LinkError: If an answer is unusable.
"""


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as described to the agent.

    Attributes:
        name: The agent's name for it.
        description: When and how to use it.
        parameters: JSON schema of the arguments.
        execution_mode: `hold` keeps the agent silent until the result arrives.
        timeout_s: How long the agent waits for a result.
        response_instructions: How the agent should speak about success or failure.
    """

    name: str
    description: str
    parameters: Mapping[str, Any] = field(
        default_factory=lambda: {"type": "object", "properties": {}, "required": []}
    )
    execution_mode: Literal["interactive", "hold"] = "interactive"
    timeout_s: int = 120
    response_instructions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TokenSource:
    """Source of temporary tokens, so that the device needs no key: the owner's URL or program.

    Attributes:
        url: What to GET; empty if `command` is used.
        headers: Headers of that request, secrets resolved.
        json_pointer: Where the token is in the answer: a string, or an object with `token`.
        command: What to run; it prints the token or JSON.
    """

    url: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    json_pointer: str = ""
    command: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """The settings of any agent, whatever its protocol.

    Attributes:
        url: The agent's address.
        key: The resolved credential, or None. Read for every dial, so that a new key takes effect.
        auth: How the credential is sent.
        token: Where temporary tokens come from, if not from the agent's own service.
        session: The agent's own settings, passed through; checked by `Agent.check_session`.
        tools: What the agent may call on this device.
        eager_tools: Return tool results at once rather than when the reply is done.
        context: Additions to the agent's prompt: texts of the servers that provide tools.
    """

    url: str
    key: str | None = field(default=None, repr=False)
    auth: Literal["bearer", "token"] = "bearer"
    token: TokenSource | None = None
    session: Mapping[str, Any] = field(default_factory=dict, repr=False)
    tools: Sequence[ToolSpec] = ()
    eager_tools: bool = False
    context: Sequence[str] = field(default=(), repr=False)


class AgentCodec(Protocol):
    """The protocol state of one link. Made for one link and thrown away with it.

    Times are seconds on one monotonic clock, given by the caller.

    Attributes:
        uplink: Format `encode_audio` expects.
        downlink: Format of every `ReplyAudio.payload`.
        ready_timeout_s: How long to wait for AgentReady once the socket is open.
        uplink_lead_s: How much kept sound the agent takes ahead of real time; None: any.
        farewell_timeout_s: How long to wait for the close after `farewell`.
        keep_s: The most sound from before AgentReady that it takes; None: all that is kept.
        queue_ms: The most of a reply that may wait for the speaker, for an agent that interrupts
            itself by sending nothing more; None: no limit.
        heralds: The agent reports that the user speaks before it interrupts its reply.
    """

    uplink: WireFormat
    downlink: WireFormat
    uplink_lead_s: float | None
    ready_timeout_s: float
    farewell_timeout_s: float
    keep_s: float | None
    queue_ms: float | None
    heralds: bool

    @property
    def uplink_speed(self) -> float:
        """Seconds of kept sound that the agent takes per second, at present."""

    def plan_dial(self, now_s: float) -> DialPlan:
        """Decide where to connect, asking for HTTP calls on the way."""

    def greet(self) -> list[Message]:
        """Return what to send as soon as the socket is open."""

    def receive(self, message: Message, now_s: float) -> list[Item]:
        """Interpret one message. Malformed input becomes a Notice, never an exception.

        Raises:
            LinkError: If the agent ended this link (see its subclasses).
            WireError: If the agent broke the protocol beyond repair.
        """

    def closed(self, code: int | None, reason: str) -> Event:
        """Interpret the end of the socket.

        Args:
            code: The close code received, or None if the connection was lost without one.
            reason: The close reason received.

        Returns:
            SessionEnded after a clean end.

        Raises:
            LinkError: In every other case (see its subclasses).
        """

    def encode_audio(self, payload: bytes) -> list[Message]:
        """Wrap sound in `uplink` format. Less than a frame may wait for the next call."""

    def return_tool(self, call_id: str, result: str, *, is_error: bool, now_s: float) -> list[Item]:
        """Take a tool's result; return what to send now. Results may be held for later."""

    def say(self, instructions: str) -> list[Message]:
        """Return what makes the agent speak now, following `instructions`."""

    def update(self, settings: AgentSettings) -> list[Message]:
        """Return what changes the running session to `settings`, as far as the agent allows."""

    def farewell(self) -> list[Message]:
        """Return what ends the session cleanly; nothing if closing the link is enough."""

    def due_s(self) -> float | None:
        """Return when to call `advance`, or None."""

    def advance(self, now_s: float) -> list[Item]:
        """Do what is due by `now_s`; return what follows."""

    def support(self) -> Mapping[str, str]:
        """Return what the agent's support team asks for, for one log line per session."""


class Agent(Protocol):
    """One configured agent: makes a codec per link and remembers what must outlive a link.

    Attributes:
        resumable: The agent issues resume keys.
        announces: It can speak without being spoken to.
        takes_tools: It calls tools on this device.
        personal: Paths of the session settings that the device's user may change: voice, prompt,
            greeting, those that exist.
        session_permissions: Which session settings a settings server may change. All others,
            and all that make the service call or send somewhere, are for the device's own file.
        default_url: Its address unless the settings give one; None if they must.
        scheme: The scheme of its address; on this machine it may do without TLS.
    """

    resumable: bool
    announces: bool
    takes_tools: bool
    personal: Mapping[str, tuple[str, ...]]
    session_permissions: Permissions
    default_url: str | None
    scheme: Literal["wss", "https"]

    def __init__(self, settings: AgentSettings) -> None:
        """Take the settings of the next session."""

    @staticmethod
    def check_session(session: Mapping[str, Any]) -> list[Problem]:
        """Return what is wrong with a configured `agent.session`."""

    def codec(self, resume_key: str | None, *, greet: bool = True) -> AgentCodec:
        """Return a codec for one link.

        Args:
            resume_key: Names the session to resume; None opens a new one.
            greet: Whether the agent may open the conversation with its configured greeting.
        """

    def update(self, settings: AgentSettings) -> None:
        """Use `settings` for the next session."""

    def voice_check(self) -> VoiceCheck | None:
        """Return how to look up the configured voice; None if none is set or there is no way."""
