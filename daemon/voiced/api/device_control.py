"""What others can see of the running daemon, and do with it."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from voiced import __version__
from voiced.core.actions import Status
from voiced.core.events import (
    AnnouncementRequested,
    EndRequested,
    Event,
    MuteChanged,
    MuteToggled,
    TalkPressed,
    Woken,
)
from voiced.core.state import Conversation, status_of
from voiced.errors import RequestRefused
from voiced.runtime.runtime import Runtime

MOST_CHARS = 2000
BEHIND = 32  # changes that a watcher may have unread; a slower one is dropped
VERBATIM = "Say this to the user, in these words and no others: {text}"


@dataclass(frozen=True, slots=True)
class DeviceState:
    """The state of the device as others see it.

    Attributes:
        version: Version of the program.
        name: Name of the device.
        status: The status that indicators show.
        phase: The phase of the conversation, also while another status is shown.
        since: Beginning of the status, ISO 8601 in UTC.
        muted: The microphone is switched off.
        volume: Loudness of the agent, 0 to 100.
        microphone: Its fault, or None.
        speaker: Its fault, or None.
        half_duplex: The agent does not hear while it speaks.
    """

    version: str
    name: str
    status: str
    phase: str
    since: str
    muted: bool
    volume: int
    microphone: str | None
    speaker: str | None
    half_duplex: bool


class DeviceControl:
    """Shows and controls the device. Implements `Observer`.

    Args:
        runtime: Returns the current runtime.
        name: Returns the name of the device.
    """

    def __init__(self, runtime: Callable[[], Runtime], name: Callable[[], str]) -> None:
        self._runtime = runtime
        self._name = name
        self._status = Status.BOOTING
        self._since = _now()
        self._watchers: dict[asyncio.Queue[DeviceState | None], DeviceState] = {}

    def noticed(
        self, _before: Conversation, _event: Event | None, now: Conversation, _took_s: float
    ) -> None:
        """Pass the new state to all watchers, if it differs from what they have seen."""
        status = status_of(now)
        if status is not self._status:
            self._status, self._since = status, _now()
        if not self._watchers:
            return
        device_state = self.device_state()
        for watcher, seen in [*self._watchers.items()]:
            if device_state == seen:
                continue
            self._watchers[watcher] = device_state
            if watcher.full():
                del self._watchers[watcher]
                watcher.get_nowait()  # makes room for the end
                state_or_end = None
            else:
                state_or_end = device_state
            watcher.put_nowait(state_or_end)

    def device_state(self) -> DeviceState:
        """Return the state of the device now."""
        runtime = self._runtime()
        now = runtime.conversation
        return DeviceState(
            version=__version__,
            name=self._name(),
            status=status_of(now).value,
            phase=now.phase.value,
            since=self._since,
            muted=now.muted,
            volume=runtime.volume,
            microphone=now.microphone.value if now.microphone else None,
            speaker=now.speaker.value if now.speaker else None,
            half_duplex=now.half_duplex,
        )

    def cause(self) -> str:
        """Return why the agent cannot be reached, in a sentence; empty while it can."""
        return self._runtime().conversation.cause

    async def watch(self) -> AsyncGenerator[DeviceState, None]:
        """Yield the state, now and after every change; ends for a watcher that is too slow."""
        watcher: asyncio.Queue[DeviceState | None] = asyncio.Queue(BEHIND)
        device_state = self._watchers[watcher] = self.device_state()
        try:
            yield device_state
            while (news := await watcher.get()) is not None:
                yield news
        finally:
            self._watchers.pop(watcher, None)

    def talk(self) -> None:
        """Start a conversation, unless there is one."""
        self._runtime().dispatch(Woken("control"))

    def press(self) -> None:
        """Act as the talk button does."""
        self._runtime().dispatch(TalkPressed())

    def end(self) -> None:
        """End the conversation, if there is one."""
        self._runtime().dispatch(EndRequested())

    def mute(self, muted: bool | None) -> None:  # noqa: FBT001 - it is the one argument
        """Mute (True), unmute (False) or toggle (None) the microphone."""
        self._runtime().dispatch(MuteToggled() if muted is None else MuteChanged(muted))

    def set_volume(self, percent: int) -> None:
        """Set the loudness of the agent.

        Raises:
            RequestRefused: If that is no percentage.
        """
        if not 0 <= percent <= 100:  # noqa: PLR2004 - it is what a percentage is
            raise RequestRefused(f"{percent} is not a volume; use 0 to 100")
        self._runtime().volume = percent

    def say(self, text: str) -> None:
        """Have the agent say something, in these words.

        Raises:
            RequestRefused: If the text is empty or too long, or this agent cannot be asked to speak.
        """
        text = text.strip()
        if not text:
            raise RequestRefused("there is nothing to say")
        if len(text) > MOST_CHARS:
            raise RequestRefused(f"that is too long; {MOST_CHARS} characters at most")
        if not self._runtime().can_announce:
            raise RequestRefused("this agent speaks only when it is spoken to")
        self._runtime().dispatch(AnnouncementRequested(VERBATIM.format(text=text)))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
