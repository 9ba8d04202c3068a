"""`voiced run` with stopwatches at its ports: the same parts, each seen from outside.

Writes, when it ends, a JSON file: `wire_ms` from a capture period's completion to its message
written; `replies`, each [first reply.audio received, first audible sample handed to the device,
start threshold in ms then]; `played_from_s`, when the device pulled its first sound. Times are
those of `time.monotonic`.
"""

import argparse
import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from voiced.agents import AGENTS
from voiced.agents.codec import Dial, Message
from voiced.assembly.factory import (
    agent_settings,
    catalogue,
    policy,
    sound_devices,
    sound_settings,
)
from voiced.assembly.tools import built_in_tools
from voiced.audio.start_threshold import StartThreshold
from voiced.config.load import examine
from voiced.config.schema import Settings
from voiced.core.pcm import PcmFormat
from voiced.devices.network.http import AiohttpCaller
from voiced.devices.network.link import LinkOptions
from voiced.devices.network.websocket import WebSocketDialer
from voiced.devices.sound.alsa_capture import AlsaMicrophone
from voiced.devices.sound.alsa_pcm import AlsaLibrary, Pcm, alsa_library
from voiced.devices.sound.factory import SoundDevices, is_file, microphone, speaker
from voiced.lib.registry import load as load_class
from voiced.ports import Dialer, Link, Microphone, Playback, SoundSource, Speaker
from voiced.runtime.always_on import AlwaysAwake
from voiced.runtime.components import Components
from voiced.runtime.runtime import Runtime
from voiced.service.signals import SignalWake
from voiced.tools.declared.token_program import DialCalls

WIRE_FORMAT = PcmFormat(24_000)


@dataclass
class Trace:
    """What the stopwatches saw."""

    wire_ms: list[float] = field(default_factory=list)
    replies: list[list[float]] = field(default_factory=list)
    played_from_s: float = 0.0


class Uplink:
    """Follows captured periods to the wire: feed it as a tap, tell it of each sending.

    Args:
        completed_s: Returns when the period that is delivered now was complete.
    """

    def __init__(self, trace: Trace, completed_s: Callable[[], float]) -> None:
        self.runtime: Runtime
        self.sending = False
        self._trace = trace
        self._completed_s = completed_s
        self._waiting: deque[float] = deque()

    def feed(self, _pcm: bytes, _pcm_format: PcmFormat) -> None:
        """Take note of a period."""
        if not self.sending and self.runtime.uplink.queued_ms == 0:
            self._waiting.clear()  # what was never sent: captured before anybody listened
        self._waiting.append(self._completed_s())

    def sent(self) -> None:
        """Take note that the oldest period was written."""
        if self._waiting:
            self._trace.wire_ms.append((time.monotonic() - self._waiting.popleft()) * 1000)


class PeriodGrid:
    """When each period of a `wav:` microphone was complete: it ticks at multiples of its period."""

    def __init__(self, period_s: float) -> None:
        self._period_s = period_s
        self._next: int | None = None

    def __call__(self) -> float:
        """Return when the next period was complete."""
        if self._next is None:
            self._next = int(time.monotonic() / self._period_s)
        complete_s = self._next * self._period_s
        self._next += 1
        return complete_s


class TimedAlsa:
    """The ALSA library, taking note of when each read of a whole period returned."""

    def __init__(self, alsa: AlsaLibrary) -> None:
        self.completed: deque[float] = deque()
        self._alsa = alsa

    def __getattr__(self, name: str) -> Any:
        return getattr(self._alsa, name)

    def PCM(self, **parameters: Any) -> Pcm:  # noqa: N802 - the library's name
        """Open a device."""
        return TimedPcm(self._alsa.PCM(**parameters), self.completed)


class TimedPcm:
    """An open capture device."""

    def __init__(self, pcm: Pcm, completed: deque[float]) -> None:
        self._pcm = pcm
        self._period_frames = pcm.info()["period_size"]
        self._completed = completed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pcm, name)

    def read(self) -> tuple[int, bytes]:
        """Return one period."""
        n_frames, sound = self._pcm.read()
        if n_frames == self._period_frames:
            self._completed.append(time.monotonic())
        return n_frames, sound


class TimedDialer:
    """Opens links whose traffic is timed."""

    def __init__(
        self, dial: Dialer, trace: Trace, uplink: Uplink, threshold: StartThreshold
    ) -> None:
        self._dial = dial
        self._seen = (trace, uplink, threshold)

    @asynccontextmanager
    async def __call__(self, dial: Dial) -> AsyncIterator[Link]:
        """Connect as `dial` says."""
        async with self._dial(dial) as link:
            yield TimedLink(link, *self._seen)


class TimedLink:
    """An open link."""

    def __init__(self, link: Link, trace: Trace, uplink: Uplink, threshold: StartThreshold) -> None:
        self._link = link
        self._trace = trace
        self._uplink = uplink
        self._threshold = threshold
        self._latest = ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._link, name)

    async def __aiter__(self) -> AsyncIterator[Message]:
        async for message in self._link:
            event = json.loads(message)
            if event["type"] == "reply.audio":
                self._note(event)
            yield message

    async def send(self, message: Message) -> None:
        """Send one message."""
        is_sound = str(message).startswith('{"type":"input.audio"')
        self._uplink.sending = is_sound
        await self._link.send(message)
        self._uplink.sending = False
        if is_sound:
            self._uplink.sent()

    def _note(self, event: dict[str, Any]) -> None:
        now_s = time.monotonic()
        if event["reply_id"] != self._latest:
            self._latest = event["reply_id"]
            self._trace.replies.append([now_s])
            self._threshold.begin()
        n_bytes = len(event["data"]) * 3 // 4
        self._threshold.observe(WIRE_FORMAT.duration_ms(n_bytes), now_s)


class TimedSpeaker:
    """A speaker that takes note of what it is handed."""

    def __init__(self, speaker: Speaker, trace: Trace, threshold: StartThreshold) -> None:
        self._speaker = speaker
        self._seen = (trace, threshold)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Playback]:
        """Open the device."""
        async with self._speaker.open() as playback:
            yield TimedPlayback(playback, *self._seen)


class TimedPlayback:
    """An open speaker."""

    def __init__(self, playback: Playback, trace: Trace, threshold: StartThreshold) -> None:
        self._playback = playback
        self._seen = (trace, threshold)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._playback, name)

    async def run(self, source: SoundSource) -> None:
        """Pull until cancelled."""
        await self._playback.run(TimedSource(source, *self._seen))


class TimedSource:
    """What is played."""

    def __init__(self, source: SoundSource, trace: Trace, threshold: StartThreshold) -> None:
        self._source = source
        self._trace = trace
        self._threshold = threshold

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def pull(self, n_bytes: int) -> bytes:
        """Return exactly `n_bytes`."""
        trace = self._trace
        if not trace.played_from_s:
            trace.played_from_s = time.monotonic()
        sound = self._source.pull(n_bytes)
        if trace.replies and len(trace.replies[-1]) == 1 and any(sound):
            trace.replies[-1] += [time.monotonic(), self._threshold.ms]
        return sound


def assemble(settings: Settings, trace: Trace) -> Runtime:
    """Build what `voiced.assembly.factory.assemble` builds, timed."""
    devices = sound_devices(settings)
    heard, completed_s = _microphone(devices)
    uplink, threshold = Uplink(trace, completed_s), StartThreshold()
    played = speaker(devices)
    tools = built_in_tools(settings)
    always = AlwaysAwake()
    agent_type = load_class(AGENTS, settings.agent.protocol, "agent.protocol")
    components = Components(
        microphone=heard,
        speaker=TimedSpeaker(played, trace, threshold),
        dial=TimedDialer(WebSocketDialer(LinkOptions()), trace, uplink, threshold),
        call_http=DialCalls(AiohttpCaller(LinkOptions())),
        agent=agent_type(agent_settings(settings, tools)),
        tools=tools,
        wake_sources=[always, SignalWake()],
        observers=[always],
        taps=[uplink],
    )
    uplink.runtime = Runtime(components, policy(settings), sound_settings(settings))
    return uplink.runtime


def _microphone(devices: SoundDevices) -> tuple[Microphone, Callable[[], float]]:
    """Return the microphone, and what tells when the period it just delivered was complete."""
    if is_file(devices.capture):
        return microphone(devices), PeriodGrid(devices.period_ms / 1000)
    alsa = TimedAlsa(alsa_library())
    timed = AlsaMicrophone(devices.capture, period_ms=devices.period_ms, alsa=alsa)
    return timed, alsa.completed.popleft


def main() -> None:
    """Hold conversations until SIGTERM, then write what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True)
    parser.add_argument("--report", type=Path, required=True)
    options = parser.parse_args()
    trace = Trace()
    runtime = assemble(examine(Path(options.config), catalogue()).usable().settings, trace)
    asyncio.run(runtime.run())
    options.report.write_text(json.dumps(asdict(trace)), encoding="utf-8")


if __name__ == "__main__":
    main()
