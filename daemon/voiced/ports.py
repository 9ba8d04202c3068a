"""The shapes the runtime needs from the outside world. Adapters satisfy them."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from voiced.agents.codec import Caption, Dial, DialCall, HttpAnswer, HttpCall, Message, ToolSpec
from voiced.core.actions import Status
from voiced.core.earcons import Earcon, Prompt
from voiced.core.events import Event
from voiced.core.pcm import PcmFormat
from voiced.core.state import Conversation

Emit = Callable[[Event], None]
"""Hand an event to the runtime. Only call it on the event loop's thread."""


class Capture(Protocol):
    """An open capture device.

    Attributes:
        format: What `run` delivers: always mono, at the device's own rate.
    """

    format: PcmFormat

    @property
    def xruns(self) -> int:
        """How many overruns there were."""

    async def run(self, deliver: Callable[[bytes], None]) -> None:
        """Call `deliver` on the loop's thread with one period of mono PCM at a time.

        Runs until cancelled. Periods lost to an overrun are replaced by silence.

        Raises:
            DeviceError: If the device disappears or stops responding.
        """

    def relax(self, relaxed: bool, /) -> None:  # noqa: FBT001 - it is the one argument
        """Deliver seldom, several periods at a time, because nobody listens; or as ever again.

        What was captured until then is not delivered any more.
        """


class Microphone(Protocol):
    """A configured capture device."""

    def open(self) -> AbstractAsyncContextManager[Capture]:
        """Open the device; close it on exit.

        Raises:
            DeviceError: If the device is absent, busy or cannot do what is asked.
        """


class SoundSource(Protocol):
    """What a speaker plays."""

    def pull(self, n_bytes: int) -> bytes:
        """Return exactly `n_bytes` of mono PCM, padded with silence.

        Thread: the playback thread.
        """

    def played(self, n_frames: int) -> None:
        """Take note that the first `n_frames` pulled since opening have left the speaker.

        Thread: the playback thread.
        """


class Playback(Protocol):
    """An open playback device that pulls what it plays.

    Attributes:
        format: What it pulls: always mono, at the device's own rate.
    """

    format: PcmFormat

    @property
    def xruns(self) -> int:
        """How many underruns there were."""

    @property
    def mixer(self) -> "Mixer | None":
        """The card's own volume control, or None if sound is to be scaled."""

    async def run(self, source: SoundSource) -> None:
        """Pull one period after another until cancelled.

        Raises:
            DeviceError: If the device disappears or stops responding.
        """

    def drop(self) -> None:
        """Forget what the device still holds. Frames dropped count as played."""

    def relax(self, relaxed: bool, /) -> None:  # noqa: FBT001 - it is the one argument
        """Pull seldom, much at a time, because there is nothing to hear; or as ever again."""


class Speaker(Protocol):
    """A configured playback device."""

    def open(self) -> AbstractAsyncContextManager[Playback]:
        """Open the device; close it on exit.

        Raises:
            DeviceError: If the device is absent, busy or cannot do what is asked.
        """


class PeriodTap(Protocol):
    """Something that listens to captured audio without changing it."""

    def feed(self, pcm: bytes, pcm_format: PcmFormat, /) -> None:
        """Take one period of mono microphone PCM. Must not block and must not raise."""


class WakeSource(Protocol):
    """Something that speaks for the user: a button, a key, a signal."""

    async def watch(self, emit: Emit) -> None:
        """Emit events until cancelled."""


class Indicator(Protocol):
    """Something that shows a Status: an LED, a terminal, systemd."""

    def show(self, status: Status) -> None:
        """Show `status`. Must not block and must not raise."""


class Observer(Protocol):
    """Something that follows what happens: a log, a metric, a page."""

    def noticed(
        self, before: Conversation, event: Event | None, now: Conversation, took_s: float
    ) -> None:
        """Take note of what happened, and of what came of it. Must not block and must not raise.

        Args:
            before: The conversation until then.
            event: What happened, and was acted on; None if only the volume changed.
            now: The conversation.
            took_s: How long it took to act on it.
        """


class PrivacyLight(Protocol):
    """Something that tells people whether what they say leaves the device."""

    def tell_leaving(self, leaving: bool, /) -> None:  # noqa: FBT001 - it is the one argument
        """Show it before this returns. Must not raise."""


class BackgroundTask(Protocol):
    """Something that has to run as long as the daemon does."""

    async def run(self) -> None:
        """Run until cancelled."""


class Cues(Protocol):
    """The sounds of the device itself."""

    def __call__(self, earcon: Earcon, prompt: Prompt | None, rate_hz: int, /) -> bytes:
        """Return mono PCM at `rate_hz`, prompt after earcon; nothing if it is switched off."""


class Mixer(Protocol):
    """A sound card's own volume control."""

    def set_volume(self, percent: int) -> None:
        """Set the playback volume soon. Must not block and must not raise."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What outlives the process.

    Attributes:
        volume: Loudness of the agent, 0 to 100.
        muted: The microphone is switched off.
    """

    volume: int
    muted: bool


class Memory(Protocol):
    """Keeps what outlives the process."""

    def recall(self) -> Remembered:
        """Return what was written down last."""

    def remember(self, volume: int, *, muted: bool) -> None:
        """Write this down soon. Must not block and must not raise."""


@dataclass(frozen=True, slots=True)
class AlarmWish:
    """What is to ring, and when: either `after_s` or `at`.

    Attributes:
        kind: `timer`, `alarm` or `reminder`.
        name: What the user calls it, or what they want to be reminded of; may be empty.
        after_s: How much time is to pass.
        at: The local time of day and date, without a zone.
        day: The word by which its day was named, as `core.moments` takes it.
    """

    kind: Literal["timer", "alarm", "reminder"]
    name: str = field(default="", repr=False)
    after_s: float | None = None
    at: datetime | None = None
    day: str = ""


@dataclass(frozen=True, slots=True)
class Alarm:
    """What was set, and has not rung yet.

    Attributes:
        alarm_id: Short and unique on this device.
        kind: `timer`, `alarm` or `reminder`.
        name: What the user calls it, or what they want to be reminded of; may be empty.
        rings_at: Local time, with its zone.
        rings_in_s: How much time is left.
    """

    alarm_id: str
    kind: str
    name: str = field(repr=False)
    rings_at: datetime
    rings_in_s: float


class Alarms(Protocol):
    """Keeps timers, alarms and reminders, and has them ring. They outlive the process."""

    def now(self) -> datetime:
        """Return the local time, with its zone."""

    async def set(self, wish: AlarmWish, /) -> Alarm:
        """Set one; return once it is safe on the disk. Cancelled, it is not set.

        Raises:
            ToolError: If there are too many, or if it cannot be written down.
        """

    def all(self) -> list[Alarm]:
        """Return what has not rung yet, the next one first."""

    async def cancel(self, alarm_ids: Collection[str], /) -> None:
        """Forget some; return once that is safe on the disk. Nothing happens if there are none.

        Raises:
            ToolError: If that cannot be written down; they are forgotten all the same.
        """

    def settle(self, alarm_id: str, /) -> None:
        """Forget one that rang. Must not block and must not raise."""


class CaptionSink(Protocol):
    """Something that shows people what is being said."""

    def caption(self, caption: Caption) -> None:
        """Show `caption`. Must not block, must not raise, must not log."""


class Link(Protocol):
    """One connection to an agent. Never reused.

    Attributes:
        close_code: The code the peer closed with; None while open or when it just vanished.
        close_reason: The reason the peer gave; without a code, ours.
    """

    close_code: int | None
    close_reason: str

    @property
    def written_bytes(self) -> int:
        """How far this end has written, counted on the wire. Never too little."""

    @property
    def acknowledged_bytes(self) -> int:
        """How far the peer is known to have received it, on the same count."""

    def __aiter__(self) -> AsyncIterator[Message]:
        """Yield messages until the connection ends, however it ends; then look at `close_code`."""

    async def send(self, message: Message) -> None:
        """Send one message.

        Raises:
            LinkError: If the connection is gone or does not take the message in time.
        """

    def attend(self, closely: bool, /) -> None:  # noqa: FBT001 - it is the one argument
        """Take every message the moment it comes; or let those that come fast wait for the next sending."""

    async def watch(self) -> None:
        """Watch for signs of death until cancelled; on the first, abort and say so in `close_reason`."""

    async def close(self) -> None:
        """Close politely, but never wait long."""

    def abort(self) -> None:
        """Let go of a dead connection at once."""


class Dialer(Protocol):
    """Opens links."""

    def __call__(self, dial: Dial) -> AbstractAsyncContextManager[Link]:
        """Connect as `dial` says; leave nothing open on exit.

        Raises:
            LinkRejected: If the upgrade was answered 401 or 403.
            LinkError: If the connection could not be opened in time.
        """


class HttpCaller(Protocol):
    """Makes HTTPS calls."""

    async def __call__(self, call: HttpCall) -> HttpAnswer:
        """Return the answer, whatever its status.

        Raises:
            LinkError: If no answer came in time.
        """


class DialCaller(Protocol):
    """Makes the calls a dial plan asks for."""

    async def __call__(self, call: DialCall) -> HttpAnswer:
        """Return the answer, whatever its status.

        Raises:
            LinkError: If no answer came in time.
        """


class Controls(Protocol):
    """What a tool may do to the device.

    Attributes:
        volume: Loudness of the agent, 0 to 100.
        conversation: Where we are.
    """

    volume: int
    conversation: Conversation

    @property
    def alarms(self) -> Alarms | None:
        """What keeps timers, if this device does."""

    def dispatch(self, event: Event) -> None:
        """Hand an event to the runtime, on the loop's thread."""


class Tool(Protocol):
    """Something the agent may call on this device."""

    @property
    def spec(self) -> ToolSpec:
        """What the agent is told about it."""

    async def call(self, arguments: Mapping[str, Any], controls: Controls) -> object:
        """Run and return something JSON can hold. Cancelled when nobody wants the result.

        Raises:
            ToolError: With a sentence that the agent can say.
        """
