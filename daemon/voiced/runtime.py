"""The imperative shell: straight pipes for sound, one synchronous dispatch for facts."""

import asyncio
import json
import logging
import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from voiced.agents.codec import Agent
from voiced.audio.earcons import earcon
from voiced.audio.playout import Playout
from voiced.audio.uplink import UplinkQueue
from voiced.connection import Connection, Surroundings
from voiced.core import actions as act
from voiced.core.actions import AT_ONCE, Action, AgentAction, Pause, Status
from voiced.core.conversation import step
from voiced.core.events import (
    AgentReady,
    Event,
    LinkLost,
    MicrophoneChanged,
    PlaybackDrained,
    SpeakerChanged,
    TimerFired,
    ToolReturned,
)
from voiced.core.pcm import PcmFormat
from voiced.core.state import Conversation, Phase, Policy
from voiced.errors import DeviceError, ToolError
from voiced.ports import (
    CaptionView,
    Dialer,
    HttpCaller,
    Indicator,
    Microphone,
    PeriodTap,
    Playback,
    Speaker,
    Tool,
    WakeSource,
)

log = logging.getLogger(__name__)

REASONS_TOLD = 20
"""How many different reasons of one outage are logged aloud."""

REOPEN_S = 1.0
"""How long a missing card is left alone before it is tried again."""

PARTING_S = 2.5
"""How long links may take to part when the process stops; the promise is 3 s for everything."""

TOOL_SHARE = 0.8
"""Of the time the agent gives a tool; the rest is for the call and the apology to travel."""

NOBODY_PERIOD_MS = 20
"""The pace at which replies run out while there is no speaker."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything concrete the runtime drives. Filled in by the composition root."""

    microphone: Microphone
    speaker: Speaker
    dial: Dialer
    call_http: HttpCaller
    agent: Agent
    tools: Mapping[str, Tool] = field(default_factory=dict)
    wake_sources: Sequence[WakeSource] = ()
    indicators: Sequence[Indicator] = ()
    captions: Sequence[CaptionView] = ()
    taps: Sequence[PeriodTap] = ()
    uniform: Callable[[float, float], float] = random.SystemRandom().uniform


@dataclass(frozen=True, slots=True)
class SoundSettings:
    """How much sound is held, and how loud it is played.

    Attributes:
        volume: Loudness of the agent, 0 to 100.
        buffer_s: The most of a reply that waits for the speaker.
        keep_s: The most captured sound that waits for the agent; the oldest goes first.
    """

    volume: int = 70
    buffer_s: float = 60.0
    keep_s: float = 10.0


class Runtime:
    """Runs one daemon until StopRequested or cancelled.

    Attributes:
        conversation: Where we are.
        playout: The agent's sound on its way to the speaker.
        uplink: Captured sound on its way to the agent.
    """

    def __init__(self, parts: Parts, policy: Policy, sound: SoundSettings | None = None) -> None:
        sound = sound or SoundSettings()
        self.conversation = Conversation()
        self.playout = Playout(48_000, self._drained, capacity_s=sound.buffer_s)
        self.playout.volume = sound.volume
        self.uplink = UplinkQueue(sound.keep_s * 1000)
        self._parts = parts
        self._policy = policy
        self._pending: deque[Event] = deque()
        self._dispatching = False
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._mic_gate_open = False
        self._capture_format = PcmFormat(16_000)
        self._playback: Playback | None = None
        self._connection: Connection | None = None
        self._links: set[asyncio.Task[None]] = set()
        self._running_tools: set[asyncio.Task[None]] = set()
        self._told: set[str] = set()
        self._stopping = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop
        self._group: asyncio.TaskGroup
        self._around = Surroundings(
            dial=parts.dial,
            call_http=parts.call_http,
            uplink=self.uplink,
            playout=self.playout,
            captions=parts.captions,
            dispatch=self.dispatch,
        )

    async def run(self) -> None:
        """Run every pipe. Returns after StopRequested, once the links have parted."""
        self._loop = asyncio.get_running_loop()
        for indicator in self._parts.indicators:
            indicator.show(Status.ASLEEP)
        async with asyncio.TaskGroup() as self._group:
            # Wake sources first: a signal to stop counts from the first moment.
            pipes = [
                self._group.create_task(source.watch(self.dispatch), name=f"wake {source}")
                for source in self._parts.wake_sources
            ]
            pipes.append(self._group.create_task(self._capture(), name="capture"))
            pipes.append(self._group.create_task(self._play(), name="playback"))
            await self._stopping.wait()
            if self._links:
                await asyncio.wait(self._links, timeout=PARTING_S)
            for task in (*pipes, *self._links, *self._running_tools):
                task.cancel()

    def dispatch(self, event: Event) -> None:
        """Step the machine and carry out what it orders. Event loop thread only."""
        self._pending.append(event)
        if self._dispatching:
            return
        self._dispatching = True
        try:
            while self._pending:
                fact = self._pending.popleft()
                before = self.conversation
                self.conversation, actions = step(before, fact, self._policy)
                log.debug("%s + %s -> %s", before.phase, fact, self.conversation.phase)
                self._report(before, fact)
                for action in actions:
                    self._perform(action)
        finally:
            self._dispatching = False
        if self.conversation.phase is Phase.STOPPED:
            self._stopping.set()

    def _perform(self, action: Action) -> None:
        """Carry out what concerns sound and indicators; the rest goes further down."""
        match action:
            case act.SetMicGate(is_open):
                self._mic_gate_open = is_open
            case act.DropCaptured(keep_s):
                self.uplink.keep_newest(keep_s * 1000)
            case act.AcceptReply(reply_id):
                self.playout.accept(reply_id)
            case act.FinishReply(reply_id):
                self.playout.finish(reply_id)
            case act.DropPlayback(reply_id):
                if self.playout.drop(reply_id) and self._playback is not None:
                    self._playback.drop()
            case act.PlayEarcon(which):
                self.playout.overlay(earcon(which, self.playout.rate_hz))
            case act.Show(status):
                for indicator in self._parts.indicators:
                    indicator.show(status)
            case act.StartTimer(name, after_s):
                self._cancel_timer(name)
                fired = TimerFired(name)
                self._timers[name] = self._loop.call_later(after_s, self.dispatch, fired)
            case act.CancelTimer(name):
                self._cancel_timer(name)
            case _:
                self._perform_for_agent(action)

    def _perform_for_agent(self, action: AgentAction) -> None:
        """Carry out what concerns the link and the tools."""
        match action:
            case act.OpenLink(resume_key, pause, greet):
                self._open_link(resume_key, pause, greet=greet)
            case act.HurryLink(resume_key):
                if self._connection is None or not self._connection.is_open:
                    self._open_link(resume_key, AT_ONCE)
            case act.CloseLink():
                self._close_link()
            case act.RunTool():
                task = self._group.create_task(self._run_tool(action), name=f"tool {action.name}")
                self._running_tools.add(task)
                task.add_done_callback(self._running_tools.discard)
            case act.ReturnTool(call_id, result, is_error):
                if self._connection is not None:
                    self._connection.return_tool(call_id, result, is_error=is_error)
            case act.CancelTools():
                for task in self._running_tools:
                    task.cancel()

    def _open_link(self, resume_key: str | None, pause: Pause, *, greet: bool = True) -> None:
        self._close_link()
        self.playout.forget_refusals()
        self.uplink.rewind()
        connection = Connection(self._parts.agent.codec(resume_key, greet=greet), self._around)
        delay_s = self._parts.uniform(pause.least_s, pause.most_s)
        task = self._group.create_task(connection.run(delay_s), name="link")
        self._connection = connection
        self._links.add(task)
        task.add_done_callback(self._links.discard)

    def _close_link(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.end()

    def _report(self, before: Conversation, fact: Event) -> None:
        """Log each reason of an outage aloud once, its repeats quietly, and the recovery."""
        match fact:
            case LinkLost(reason):
                news = reason not in self._told and len(self._told) < REASONS_TOLD
                log.log(logging.WARNING if news else logging.DEBUG, "link lost: %s", reason)
                self._told.add(reason)
            case AgentReady() if self._told:
                self._told.clear()
                new = before.resume_key is None and before.cut_off
                log.info("%s", "a new conversation begins" if new else "the session goes on")

    async def _capture(self) -> None:
        """Microphone -> taps -> gate -> uplink queue. Never waits for the network."""
        while True:
            try:
                async with self._parts.microphone.open() as capture:
                    self._capture_format = capture.format
                    self._announce(MicrophoneChanged(present=True), "microphone")
                    await capture.run(self._take_period)
            except DeviceError as exc:
                self._mourn(MicrophoneChanged(present=False), "microphone", exc)
            await asyncio.sleep(REOPEN_S)

    def _take_period(self, pcm: bytes) -> None:
        """Pass one captured period on; behind a closed gate the agent hears silence.

        Turn detection runs on the agent's count of samples, so silence keeps its clock right.
        """
        for tap in self._parts.taps:
            tap.feed(pcm, self._capture_format)
        connection = self._connection
        if self._mic_gate_open:
            self.uplink.put(pcm, self._capture_format)
        elif connection is not None and connection.ready:
            self.uplink.put(bytes(len(pcm)), self._capture_format)
        else:
            return
        if connection is not None:
            connection.sound_waits()

    async def _play(self) -> None:
        """Playout -> speaker; while there is none, replies run out unheard."""
        while True:
            try:
                async with self._parts.speaker.open() as self._playback:
                    self.playout.restart(self._playback.format.rate_hz)
                    self._announce(SpeakerChanged(present=True), "speaker")
                    await self._playback.run(self.playout)
            except DeviceError as exc:
                self._mourn(SpeakerChanged(present=False), "speaker", exc)
            finally:
                self._playback = None
            await self._play_to_nobody()

    async def _play_to_nobody(self) -> None:
        self.playout.restart(self.playout.rate_hz)
        pcm_format = PcmFormat(self.playout.rate_hz)
        n_bytes = pcm_format.bytes_in(NOBODY_PERIOD_MS)
        for period in range(round(REOPEN_S * 1000 / NOBODY_PERIOD_MS)):
            self.playout.pull(n_bytes)
            self.playout.played((period + 1) * n_bytes // pcm_format.frame_bytes)
            await asyncio.sleep(NOBODY_PERIOD_MS / 1000)

    def _announce(self, event: MicrophoneChanged | SpeakerChanged, name: str) -> None:
        before = self.conversation
        self.dispatch(event)
        if self.conversation != before:
            log.info("the %s is back", name)

    def _mourn(
        self, event: MicrophoneChanged | SpeakerChanged, name: str, exc: DeviceError
    ) -> None:
        """Log the first failure of a cycle aloud and its repeats quietly."""
        before = self.conversation
        self.dispatch(event)
        level = logging.DEBUG if self.conversation == before else logging.WARNING
        log.log(level, "no %s: %s", name, exc)

    async def _run_tool(self, order: act.RunTool) -> None:
        result, is_error = await self._call_tool(order.name, order.arguments)
        self.dispatch(ToolReturned(order.call_id, result, is_error))

    async def _call_tool(self, name: str, arguments: Mapping[str, Any]) -> tuple[str, bool]:
        """Return a tool's answer as JSON text, and whether it is an apology."""
        tool = self._parts.tools.get(name)
        if tool is None:
            return json.dumps({"error": f"there is no tool named {name!r}"}), True
        try:
            async with asyncio.timeout(TOOL_SHARE * tool.spec.timeout_s):
                return json.dumps(await tool.call(arguments, self)), False
        except TimeoutError:
            problem = f"{name} took too long"
        except ToolError as exc:
            problem = str(exc)
        except Exception:  # a broken tool must not end the conversation
            problem = f"{name} is broken"
            log.exception("tool %s broke", name)
        return json.dumps({"error": problem}), True

    @property
    def volume(self) -> int:
        """Loudness of the agent, 0 to 100."""
        return self.playout.volume

    @volume.setter
    def volume(self, percent: int) -> None:
        self.playout.volume = percent

    def _drained(self, reply_id: str) -> None:
        """Thread: the playback thread or the loop's."""
        self._loop.call_soon_threadsafe(self.dispatch, PlaybackDrained(reply_id))

    def _cancel_timer(self, name: str) -> None:
        if (timer := self._timers.pop(name, None)) is not None:
            timer.cancel()
