"""What an agent protocol must know how to say. No sockets, no clocks, no tasks, no logging."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from voiced.core.events import Event
from voiced.core.pcm import WireFormat
from voiced.errors import Problem
from voiced.lib.permissions import Permissions

Message = str | bytes
"""One WebSocket message: text or binary."""

MOST_CAPTION_BYTES = 64 * 1024
"""Of the words of one reply, or of one turn of the user: more than an hour of speech."""

LONGEST_CHAR_BYTES = 4
"""In UTF-8, and in the memory that Python takes for it."""


@dataclass(frozen=True, slots=True)
class Dial:
    """Where and how to open the WebSocket. URL and headers may hold secrets."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class HttpCall:
    """One HTTPS request a protocol needs before it can dial. URL and headers may hold secrets."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class ProgramCall:
    """One program of the owner's that prints what a protocol needs before it can dial: `agent.token.command`."""

    argv: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What the server answered. Header names are in small letters."""

    status: int
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class VoiceCheck:
    """How to find out whether the agent has the voice that is configured.

    Attributes:
        voice: Its name.
        call: What to ask.
        is_listed: Reads the answer, whatever is in it; None if it does not tell.
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
    """What somebody said so far, for people to read. Never logged.

    An agent may send megabytes, and a caption is kept, queued and copied: text beyond
    `MOST_CAPTION_BYTES` is cut off.

    Attributes:
        speaker: Who said it.
        text: The whole text of this utterance so far.
        final: The text of record; nothing more will come for it.
        interrupted: The agent was cut short; `text` is what was spoken.
        reply_id: The reply it is part of, if the agent says so.
        at_ms: Where in the sound of that reply its newest words are, if the agent says so.
    """

    speaker: Literal["user", "agent"]
    text: str = field(repr=False)
    final: bool = False
    interrupted: bool = False
    reply_id: str | None = field(default=None, compare=False)
    at_ms: float | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if len(self.text) > MOST_CAPTION_BYTES // LONGEST_CHAR_BYTES:
            object.__setattr__(self, "text", within_caption(self.text))


def within_caption(text: str) -> str:
    """Return as much of `text` as a caption holds."""
    encoded = text[:MOST_CAPTION_BYTES].encode("utf-8", "replace")
    return encoded[:MOST_CAPTION_BYTES].decode("utf-8", "ignore")


@dataclass(frozen=True, slots=True)
class Send:
    """A message the codec wants sent now."""

    message: Message = field(repr=False)


@dataclass(frozen=True, slots=True)
class Notice:
    """A line for the log. Holds no transcript, prompt, key, token or audio."""

    severity: Literal["debug", "info", "warning"]
    text: str


Item = Event | ReplyAudio | Caption | Send | Notice

DialCall = HttpCall | ProgramCall

DialPlan = Generator[DialCall, HttpAnswer, Dial]
"""Yields calls, receives their answers, returns where to dial. What a program prints is an answer with status 200.

Raises:
    LinkRejected: If an answer means that only the owner can help.
    AgentBusy: If an answer means try again later.
    LinkError: If an answer makes no sense.
"""


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as the agent is told about it.

    Attributes:
        name: What the agent calls it by.
        description: When and how to use it, for the agent.
        parameters: JSON schema of the arguments.
        execution_mode: `hold` keeps the agent silent until the result is there.
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
    """Where the owner has temporary tokens made, so that the device holds no key: a URL, or a program.

    Attributes:
        url: What to GET; empty if `command` is asked.
        headers: What goes with it, secrets resolved.
        json_pointer: Where in the answer the token is: text, or an object with `token`.
        command: What to run; it prints the token, or JSON.
    """

    url: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    json_pointer: str = ""
    command: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """What the composition root knows of the agent, whatever its protocol.

    Attributes:
        url: Where the agent lives.
        key: The resolved credential, or None. Read for every dial, so that a new key counts.
        auth: How the credential travels.
        token: Where temporary tokens come from, if not from the agent's service itself.
        session: The agent's own settings, passed through; checked by `Agent.check_session`.
        tools: What the agent may call on this device.
        eager_tools: Return tool results at once rather than when the reply is done.
        context: What the agent is to know besides its own prompt; texts of the servers that bring tools.
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
    """One connection's worth of protocol state. Made fresh for every link, thrown away with it.

    Times are seconds on one monotonic clock, given by the caller.

    Attributes:
        uplink: Format `encode_audio` expects.
        downlink: Format of every `ReplyAudio.payload`.
        ready_timeout_s: How long to wait for AgentReady once the socket is open.
        uplink_lead_s: How much kept sound the agent takes ahead of real time; None: any.
        farewell_timeout_s: How long to wait for the close after `farewell`.
        keep_s: The most sound from before AgentReady that it takes; None takes all that is kept.
        queue_ms: The most of a reply that may wait for the speaker, of an agent that is silenced
            by sending no more; None queues whatever comes.
        heralds: It tells that the user speaks before that interrupts a reply.
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
        """How many seconds of kept sound the agent takes per second, now."""

    def plan_dial(self, now_s: float) -> DialPlan:
        """Decide where to connect, asking for HTTP calls on the way."""

    def greet(self) -> list[Message]:
        """Return what to send as soon as the socket is open."""

    def receive(self, message: Message, now_s: float) -> list[Item]:
        """Interpret one message. Malformed input becomes a Notice, never an exception.

        Raises:
            LinkError: If the agent said that this link is over (see its subclasses).
            WireError: If the agent broke the protocol beyond repair.
        """

    def closed(self, code: int | None, reason: str) -> Event:
        """Interpret the end of the socket.

        Args:
            code: The close code received, or None if the connection was just gone.
            reason: The close reason received.

        Returns:
            SessionEnded after a clean end.

        Raises:
            LinkError: In every other case (see its subclasses).
        """

    def encode_audio(self, payload: bytes) -> list[Message]:
        """Wrap sound in `uplink` format for sending. Some of it may wait for the next call."""

    def return_tool(self, call_id: str, result: str, *, is_error: bool, now_s: float) -> list[Item]:
        """Take a tool's outcome; return what to send now. Results may be held for later."""

    def say(self, instructions: str) -> list[Message]:
        """Return what makes the agent speak now, steered by `instructions`."""

    def update(self, settings: AgentSettings) -> list[Message]:
        """Return what changes the running session to `settings`, as far as it can be changed."""

    def farewell(self) -> list[Message]:
        """Return what ends the session in good order; nothing if closing the link does."""

    def due_s(self) -> float | None:
        """Return when `advance` wants to be called, or None."""

    def advance(self, now_s: float) -> list[Item]:
        """Do what time alone demands."""

    def support(self) -> Mapping[str, str]:
        """Return what the agent's support asks for, for one log line per session."""


class Agent(Protocol):
    """One configured agent: makes a codec per link and remembers what must outlive a link.

    Constructed with `AgentSettings`.

    Attributes:
        resumable: The agent hands out resume keys.
        announces: It can be asked to say something of its own accord.
        takes_tools: It calls tools on this device.
        personal: What of its session a person before the device may set: voice, prompt,
            greeting, as far as there is that, and where it stands.
        session_permissions: What of its session a settings server may set. What makes its service
            call or send somewhere, and what is not in here, belongs into the device's own file.
        default_url: Where it lives unless the settings say otherwise; None if only they can.
        scheme: How its address begins; on this machine it may do without TLS.
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
        """Return how to look the configured voice up; None if there is no way, or no such voice."""
