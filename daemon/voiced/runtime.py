"""The imperative shell: straight pipes for sound, one synchronous dispatch for facts."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from voiced.agents.codec import AgentSettings
from voiced.audio.playout import FULL_VOLUME, Playout
from voiced.audio.uplink import UplinkQueue
from voiced.connection import Connection, Surroundings
from voiced.core import actions as act
from voiced.core.actions import AT_ONCE, Action, AgentAction, IndoorAction, Pause
from voiced.core.consequences import change_policy
from voiced.core.conversation import step
from voiced.core.events import (
    Event,
    MicrophoneChanged,
    PlaybackDrained,
    PromptEnded,
    ReplyHeard,
    SpeakerChanged,
    StopRequested,
    TimerFired,
)
from voiced.core.pcm import PcmFormat
from voiced.core.state import Conversation, Phase, Policy, sound_may_leave, status_of
from voiced.echo_watch import EchoWatch
from voiced.errors import DeviceError, DeviceStuck, Trouble
from voiced.outage_log import OutageLog
from voiced.parts import Parts, SoundSettings
from voiced.pipes import CapturePipe, PlaybackPipe, Progress, Rest
from voiced.ports import Alarms
from voiced.supervisor import Run, Supervisor
from voiced.tool_calls import ToolCalls

log = logging.getLogger(__name__)

CUE_DELAY_S = 0.1
"""From the playout to the ear, at most: three periods of the device, and the air."""

PARTING_S = 2.5
"""How long links may take to part when the process stops; the promise is 3 s for everything."""


def _nothing() -> None:
    pass


class Runtime:
    """Runs one daemon until StopRequested or cancelled.

    Attributes:
        conversation: Where we are.
        playout: The agent's sound on its way to the speaker.
        uplink: Captured sound on its way to the agent.
        at_rest: Is called when a conversation has ended, and before a new one is begun.
    """

    def __init__(self, parts: Parts, policy: Policy, sound: SoundSettings | None = None) -> None:
        sound = sound or SoundSettings()
        self.conversation = Conversation(
            muted=sound.muted, microphone=Trouble.UNOPENED, speaker=Trouble.UNOPENED
        )
        self.playout = Playout(
            48_000, self._drained, capacity_s=sound.buffer_s, on_audible=self._audible
        )
        self.playout.boost = sound.boost
        self.uplink = UplinkQueue(sound.keep_s * 1000)
        self.at_rest: Callable[[], None] = _nothing
        self._parts = parts
        self._policy = replace(policy, announces=parts.agent.announces)
        self._pending: deque[Event] = deque()
        self._dispatching = False
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._sound = sound
        self._capture = CapturePipe(parts.microphone, parts.taps, self.uplink, sound.silent_after_s)
        self._capture.shut = sound.muted and sound.mute_shuts
        self._playback = PlaybackPipe(parts.speaker, self.playout)
        self._rest = Rest(self._capture, self._playback)
        self._echo_watch = EchoWatch(self.dispatch)
        self._asleep = True
        self._volume = sound.volume
        self._playback.set_volume(sound.volume)
        self._beyond_help: DeviceStuck | None = None
        self._connection: Connection | None = None
        self._links: set[asyncio.Task[None]] = set()
        self._tool_calls = ToolCalls(parts.tools, self, self.dispatch)
        self._outage_log = OutageLog()
        self._stopping = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop
        self._group: asyncio.TaskGroup
        self._supervisor: Supervisor
        self._around = self._surroundings()

    async def run(self) -> None:
        """Run every pipe. Returns after StopRequested, once the links have parted.

        Raises:
            DeviceStuck: If a device is beyond our help.
        """
        self._loop = asyncio.get_running_loop()
        for indicator in self._parts.indicators:
            indicator.show(status_of(self.conversation))
        async with asyncio.TaskGroup() as self._group:
            self._supervisor = Supervisor(self._group)
            self._supervisor.keep(self._running_parts())
            await self._stopping.wait()
            if self._links:
                await asyncio.wait(self._links, timeout=PARTING_S)
            self._supervisor.cancel()
            await self._tool_calls.end()
            for task in self._links:
                task.cancel()
        if self._beyond_help is not None:
            raise self._beyond_help

    def _running_parts(self) -> dict[object, Run]:
        # Wake sources first: a signal to stop counts from the first moment.
        return {
            **{
                source.watch: partial(source.watch, self.dispatch)
                for source in self._parts.wake_sources
            },
            **{chore.run: chore.run for chore in self._parts.chores},
            self._capture: partial(self._run_pipe, self._capture),
            self._playback: partial(self._run_pipe, self._playback),
        }

    def _surroundings(self) -> Surroundings:
        parts = self._parts
        return Surroundings(
            dial=parts.dial,
            call_http=parts.call_http,
            uplink=self.uplink,
            playout=self.playout,
            captions=(*parts.captions, self._echo_watch)
            if self._sound.guard_echo
            else parts.captions,
            dispatch=self.dispatch,
        )

    def adopt(
        self, parts: Parts, policy: Policy, sound: SoundSettings, agent: AgentSettings
    ) -> None:
        """Go on with other parts; those that are the same go on undisturbed.

        A device that is replaced is closed at once: nobody should be talking then.

        Args:
            parts: Everything concrete that is to be driven from now on.
            policy: The numbers that count from now on.
            sound: How much sound is held, and how loud it is played.
            agent: What the running session is to become, and the next.
        """
        was_parts, self._parts = self._parts, parts
        policy = replace(policy, announces=parts.agent.announces)
        was_policy, self._policy = self._policy, policy
        was_sound, self._sound = self._sound, sound
        self._around = self._surroundings()
        self._tool_calls.tools = parts.tools
        self.playout.boost, self.playout.capacity_s = sound.boost, sound.buffer_s
        self.uplink.capacity_ms = sound.keep_s * 1000
        self._adopt_sound(was_parts, was_sound)
        for indicator in parts.indicators:
            if indicator not in was_parts.indicators:
                indicator.show(status_of(self.conversation))
        for light in parts.lights:
            if light not in was_parts.lights:
                light.tell_leaving(sound_may_leave(self.conversation, policy))
        self._supervisor.keep(self._running_parts())
        for action in change_policy(self.conversation, was_policy, policy):
            self._perform(action)
        parts.agent.update(agent)
        if self._connection is not None:
            self._connection.update(agent)

    def _adopt_sound(self, was: Parts, sound_was: SoundSettings) -> None:
        parts, sound = self._parts, self._sound
        if (
            parts.microphone is not was.microphone
            or sound.silent_after_s != sound_was.silent_after_s
        ):
            self._capture = self._capture.successor(parts.microphone, sound.silent_after_s)
            self.dispatch(MicrophoneChanged(Trouble.UNOPENED))
        if parts.speaker is not was.speaker:
            self._playback = PlaybackPipe(parts.speaker, self.playout)
            self.dispatch(SpeakerChanged(Trouble.UNOPENED))
        self._rest.replace(self._capture, self._playback)
        if sound.volume != sound_was.volume:
            self.volume = sound.volume

    @property
    def can_announce(self) -> bool:
        """The agent can be asked to say something."""
        return self._parts.agent.announces

    @property
    def alarms(self) -> Alarms | None:
        """What keeps timers, if this device does."""
        return self._parts.alarms

    @property
    def progress(self) -> Progress:
        """How far sound has come; it advances as long as the devices are well."""
        now, far = self.conversation, (self._capture.periods, self.playout.position)
        xruns = self._capture.xruns, self._playback.xruns
        return Progress(*far, now.microphone, now.speaker, *xruns)

    def dispatch(self, event: Event) -> None:
        """Step the machine and carry out what it orders. Event loop thread only."""
        self._pending.append(event)
        if self._dispatching:
            return
        self._dispatching = True
        try:
            while self._pending:
                fact, began_s = self._pending.popleft(), self._loop.time()
                before = self.conversation
                self.conversation, actions = step(before, fact, self._policy)
                log.debug("%s + %s -> %s", before.phase, fact, self.conversation.phase)
                self._outage_log.noticed(before, fact)
                if self._sound.guard_echo:
                    self._echo_watch.note(fact, self._loop.time())
                for action in actions:
                    self._perform(action)
                self._tell_observers(before, fact, self._loop.time() - began_s)
        finally:
            self._dispatching = False
        self._note_rest(asleep=self.conversation.phase is Phase.ASLEEP)
        if self.conversation.phase is Phase.STOPPED:
            self._stopping.set()

    def _tell_observers(
        self, before: Conversation, event: Event | None, took_s: float = 0.0
    ) -> None:
        for observer in self._parts.observers:
            observer.noticed(before, event, self.conversation, took_s)

    def _note_rest(self, *, asleep: bool) -> None:
        was_asleep, self._asleep = self._asleep, asleep
        self._rest.note(asleep=asleep)
        if asleep and not was_asleep:
            self.at_rest()

    def _perform(self, action: Action) -> None:
        """Carry out what concerns sound and indicators; the rest goes further down."""
        match action:
            case act.SetMicGate(is_open):
                self._capture.gate_open = is_open
            case act.DropCaptured(keep_s):
                self.uplink.keep_newest(keep_s * 1000)
            case act.AcceptReply(reply_id):
                self.playout.accept(reply_id)
            case act.FinishReply(reply_id):
                self.playout.finish(reply_id)
            case act.DropPlayback(reply_id):
                self._playback.drop(reply_id)
            case act.PlayEarcon():
                self._play_cue(action)
            case act.Duck(lowered):
                self.playout.ducked = lowered
            case act.ChangeVolume(change):
                self.volume += change
            case act.CloseMicrophone(closed):
                self._capture.shut = closed and self._sound.mute_shuts
                self._remember()
            case _:
                self._perform_around(action)

    def _perform_around(self, action: IndoorAction | AgentAction) -> None:
        """Carry out what concerns indicators, time and alarms."""
        match action:
            case act.Show(status):
                for indicator in self._parts.indicators:
                    indicator.show(status)
            case act.TellLeaving(leaving):
                for light in self._parts.lights:
                    light.tell_leaving(leaving)
            case act.StartTimer(name, after_s):
                self._start_timer(name, after_s, TimerFired(name))
            case act.CancelTimer(name):
                self._cancel_timer(name)
            case act.SettleAlarm(alarm_id):
                if self._parts.alarms is not None:
                    self._parts.alarms.settle(alarm_id)
            case _:
                self._perform_for_agent(action)

    def _perform_for_agent(self, action: AgentAction) -> None:
        """Carry out what concerns the link and the tools."""
        match action:
            case act.OpenLink(resume_key, pause, greet):
                if resume_key is None:
                    self.at_rest()
                self._open_link(resume_key, pause, greet=greet)
            case act.HurryLink(resume_key):
                if self._connection is None or not self._connection.is_open:
                    self._open_link(resume_key, AT_ONCE)
            case act.CloseLink():
                self._close_link()
            case act.Announce(text):
                if self._connection is not None:
                    self._connection.announce(text)
            case act.RunTool():
                self._tool_calls.begin(action, self._group)
            case act.ReturnTool(call_id, result, is_error):
                if self._connection is not None:
                    self._connection.return_tool(call_id, result, is_error=is_error)
            case act.CancelTools():
                self._tool_calls.cancel()

    def _open_link(self, resume_key: str | None, pause: Pause, *, greet: bool = True) -> None:
        self._close_link()
        self.playout.forget_refusals()
        self.uplink.rewind()
        connection = Connection(self._parts.agent.codec(resume_key, greet=greet), self._around)
        delay_s = self._parts.uniform(pause.least_s, pause.most_s)
        task = self._group.create_task(connection.run(delay_s), name="link")
        self._connection = self._capture.uplink = connection
        self._links.add(task)
        task.add_done_callback(self._links.discard)

    def _close_link(self) -> None:
        connection, self._connection = self._connection, None
        self._capture.uplink = None
        if connection is not None:
            connection.end()

    def _device_changed(
        self, event: MicrophoneChanged | SpeakerChanged, exc: DeviceError | None
    ) -> None:
        """Log the first failure of a cycle aloud, its repeats quietly, and the recovery."""
        before = self.conversation
        name = "microphone" if isinstance(event, MicrophoneChanged) else "speaker"
        was = before.microphone if isinstance(event, MicrophoneChanged) else before.speaker
        self.dispatch(event)
        if isinstance(event, SpeakerChanged) and exc is None:
            self._playback.set_volume(self._volume)
        if exc is not None:
            level = logging.DEBUG if was is event.trouble else logging.WARNING
            log.log(level, "no %s: %s", name, exc)
        elif was not in (None, Trouble.UNOPENED):
            log.info("the %s is back", name)

    async def _run_pipe(self, pipe: CapturePipe | PlaybackPipe) -> None:
        """Run a pipe; when its device is beyond help, part in good order first."""
        try:
            await pipe.run(self._device_changed)
        except DeviceStuck as exc:
            log.error("%s", exc)  # noqa: TRY400 - it says it all
            self._beyond_help = exc
            self.dispatch(StopRequested())

    def _play_cue(self, order: act.PlayEarcon) -> None:
        """Mix a cue over what is heard; after a prompt, report when the room is quiet again."""
        sound = self._parts.cues(order.earcon, order.prompt, self.playout.rate_hz)
        self._rest.put_off()
        self.playout.overlay(sound)
        if order.prompt is not None:
            duration_s = PcmFormat(self.playout.rate_hz).duration_ms(len(sound)) / 1000
            self._start_timer("prompt", duration_s + CUE_DELAY_S if sound else 0.0, PromptEnded())

    @property
    def volume(self) -> int:
        """Loudness of the agent, 0 to 100."""
        return self._volume

    @volume.setter
    def volume(self, percent: int) -> None:
        self._volume = min(max(percent, 0), FULL_VOLUME)
        self._playback.set_volume(self._volume)
        self._remember()
        self._tell_observers(self.conversation, None)

    def _remember(self) -> None:
        if self._parts.memory is not None:
            self._parts.memory.remember(self._volume, muted=self.conversation.muted)

    def _drained(self, reply_id: str) -> None:
        """Thread: the playback thread or the loop's."""
        self._loop.call_soon_threadsafe(self.dispatch, PlaybackDrained(reply_id))

    def _audible(self, reply_id: str) -> None:
        """Thread: the playback thread."""
        self._loop.call_soon_threadsafe(self.dispatch, ReplyHeard(reply_id))

    def _start_timer(self, name: str, after_s: float, event: Event) -> None:
        self._cancel_timer(name)
        self._timers[name] = self._loop.call_later(after_s, self.dispatch, event)

    def _cancel_timer(self, name: str) -> None:
        if (timer := self._timers.pop(name, None)) is not None:
            timer.cancel()
