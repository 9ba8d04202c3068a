"""The imperative shell: straight pipes for sound, one synchronous dispatch for facts."""

import asyncio
import logging
from collections import deque
from dataclasses import replace
from functools import partial

from voiced.agents.codec import AgentSettings
from voiced.audio.playout import FULL_VOLUME, Playout
from voiced.audio.uplink import UplinkQueue
from voiced.core import actions as act
from voiced.core import events as ev
from voiced.core.actions import AT_ONCE, Action, AgentAction, DeviceAction, Pause
from voiced.core.consequences import change_policy
from voiced.core.conversation import step
from voiced.core.earcons import Earcon
from voiced.core.events import Event
from voiced.core.pcm import PcmFormat
from voiced.core.state import Conversation, Phase, Policy, sound_may_leave, status_of
from voiced.errors import DeviceError, DeviceStuck, SoundFault
from voiced.lib.task_group import TaskGroup
from voiced.ports import Alarms
from voiced.runtime.components import Components, SoundSettings
from voiced.runtime.connection import Connection, LinkContext
from voiced.runtime.guard import Run, reason_of
from voiced.runtime.outage_log import OutageLog
from voiced.runtime.pipes import CapturePipe, IdleMode, PlaybackPipe, Progress
from voiced.runtime.self_interruption import EchoWatch
from voiced.runtime.supervisor import Supervisor
from voiced.runtime.timers import Timers
from voiced.runtime.tool_runner import ToolCalls

log = logging.getLogger(__name__)

CUE_DELAY_S = 0.1
"""The longest way from the playout to the ear: three periods of the device, and the air."""

PARTING_S = 2.5
"""How long links may take to close when the process stops; the whole stop may take 3 s."""


class Runtime:
    """Runs one daemon until StopRequested or cancelled.

    Attributes:
        conversation: Where we are.
        guard: Runs and calls what is not vital.
        playout: The agent's sound for the speaker.
        uplink: Captured sound for the agent.
    """

    def __init__(
        self, components: Components, policy: Policy, sound: SoundSettings | None = None
    ) -> None:
        sound = sound or SoundSettings()
        self.conversation = Conversation(
            muted=sound.muted, microphone=SoundFault.UNOPENED, speaker=SoundFault.UNOPENED
        )
        self.playout = Playout(
            48_000, self._drained, capacity_s=sound.buffer_s, on_audible=self._audible
        )
        self.playout.boost = sound.boost
        self.uplink = UplinkQueue(sound.keep_s * 1000)
        self.guard = components.guard
        self._components = components
        self._policy = replace(policy, announces=components.agent.announces)
        self._pending: deque[Event] = deque()
        self._dispatching = False
        self._timers = Timers(self.dispatch, self._signs)
        self._sound = sound
        self._capture = CapturePipe(
            components.microphone, components.taps, self.uplink, sound.silent_after_s, self.guard
        )
        self._capture.shut = sound.muted and sound.mute_shuts
        self._playback = PlaybackPipe(components.speaker, self.playout)
        self._rest = IdleMode(self._capture, self._playback)
        self._echo_watch = EchoWatch(self.dispatch)
        self._asleep = True
        self._volume = sound.volume
        self._playback.set_volume(sound.volume)
        self._stuck_device: DeviceStuck | None = None
        self._connection: Connection | None = None
        self._links: set[asyncio.Task[None]] = set()
        self._tool_calls = ToolCalls(components.tools, self, self.dispatch)
        self._outage_log = OutageLog()
        self._stopping = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop
        self._group: TaskGroup
        self._supervisor: Supervisor
        self._context = self._link_context()

    async def run(self) -> None:
        """Run every pipe. Returns after StopRequested, once the links have closed.

        Raises:
            DeviceStuck: If a device cannot be recovered in this process.
        """
        self._loop = asyncio.get_running_loop()
        self._components.show(status_of(self.conversation))
        async with TaskGroup() as self._group:
            self._supervisor = Supervisor(self._group)
            self._supervisor.keep(self._running_parts())
            await self._stopping.wait()
            # The links end first: each tells its agent to end the session, which is billed while it is open.
            if self._links:
                await asyncio.wait(self._links, timeout=PARTING_S)
            self._supervisor.cancel()
            await self._tool_calls.end()
            for task in self._links:
                task.cancel()
        if self._stuck_device is not None:
            raise self._stuck_device

    def _running_parts(self) -> dict[object, Run]:
        return {
            **self._components.runs(self.dispatch),
            self._capture: partial(self._run_pipe, self._capture),
            self._playback: partial(self._run_pipe, self._playback),
        }

    def _link_context(self) -> LinkContext:
        components, watches = self._components, [self._echo_watch] if self._sound.guard_echo else []
        return LinkContext(
            dial=components.dial,
            call_http=components.call_http,
            uplink=self.uplink,
            playout=self.playout,
            captions=(*components.captions, *watches),
            dispatch=self.dispatch,
            guard=self.guard,
        )

    def adopt(
        self, components: Components, policy: Policy, sound: SoundSettings, agent: AgentSettings
    ) -> None:
        """Replace components; unchanged ones continue undisturbed.

        A replaced device is closed at once, so call it when no one is talking.

        Args:
            components: The components from now on.
            policy: The policy from now on.
            sound: The sound settings from now on.
            agent: The agent's settings, for the running session and the next ones.
        """
        was_parts, self._components = self._components, components
        policy = replace(policy, announces=components.agent.announces)
        was_policy, self._policy = self._policy, policy
        was_sound, self._sound = self._sound, sound
        self._context = self._link_context()
        self._tool_calls.tools = components.tools
        self.playout.boost, self.playout.capacity_s = sound.boost, sound.buffer_s
        self.uplink.capacity_ms = sound.keep_s * 1000
        self._adopt_sound(was_parts, was_sound)
        components.show(status_of(self.conversation), known=was_parts)
        leaving = sound_may_leave(self.conversation, policy)
        components.tell_leaving(leaving=leaving, known=was_parts)
        self._supervisor.keep(self._running_parts())
        for action in change_policy(self.conversation, was_policy, policy):
            self.guard.attempt("runtime", self._perform, action)
        self.guard.attempt("agent", components.agent.update, agent)
        if self._connection is not None:
            self.guard.attempt("link", self._connection.update, agent)

    def _adopt_sound(self, was: Components, sound_was: SoundSettings) -> None:
        components, sound = self._components, self._sound
        if (
            components.microphone is not was.microphone
            or sound.silent_after_s != sound_was.silent_after_s
        ):
            self._capture = self._capture.successor(components.microphone, sound.silent_after_s)
            self.dispatch(ev.MicrophoneChanged(SoundFault.UNOPENED))
        if components.speaker is not was.speaker:
            self._playback = PlaybackPipe(components.speaker, self.playout)
            self.dispatch(ev.SpeakerChanged(SoundFault.UNOPENED))
        self._rest.replace(self._capture, self._playback)
        if sound.volume != sound_was.volume:
            self.volume = sound.volume

    @property
    def can_announce(self) -> bool:
        """The agent can make announcements."""
        return self._components.agent.announces

    @property
    def alarms(self) -> Alarms | None:
        """The alarm clock, if this device has one."""
        return self._components.alarms

    @property
    def progress(self) -> Progress:
        """How far sound has come; it advances as long as the devices work."""
        now, far = self.conversation, (self._capture.periods, self.playout.position)
        xruns = self._capture.xruns, self._playback.xruns
        return Progress(*far, now.microphone, now.speaker, *xruns)

    def dispatch(self, event: Event) -> None:
        """Step the state machine and carry out its actions. Event loop thread only. Never raises."""
        self._pending.append(event)
        if self._dispatching:  # an action dispatched this: it waits for the other actions
            return
        self._dispatching = True
        try:
            while self._pending:
                self.guard.attempt("runtime", self._take, self._pending.popleft())
        finally:
            self._dispatching = False
        self.guard.attempt("runtime", self._note_rest)
        if self.conversation.phase is Phase.STOPPED:
            self._stopping.set()

    def _take(self, fact: Event) -> None:
        before, began_s = self.conversation, self._loop.time()
        after, actions = step(before, fact, self._policy)
        if any(isinstance(each, act.OpenLink) and each.resume_key is None for each in actions):
            # Adopt waiting settings first: with them the same event may lead to other actions.
            self.guard.attempt("changed settings", self._components.on_idle)
            after, actions = step(before, fact, self._policy)
        self.conversation = after
        log.debug("%s + %s -> %s", before.phase, fact, self.conversation.phase)
        self._outage_log.noticed(before, fact, self.conversation)
        if self._sound.guard_echo:
            self.guard.attempt(self._echo_watch, self._echo_watch.note, fact, self._loop.time())
        for action in actions:
            self.guard.attempt("runtime", self._perform, action)
        took_s = self._loop.time() - began_s
        self._components.tell_observers(before, fact, self.conversation, took_s)

    def _note_rest(self) -> None:
        asleep = self.conversation.phase is Phase.ASLEEP
        was_asleep, self._asleep = self._asleep, asleep
        self._rest.note(asleep=asleep)
        if asleep and not was_asleep:
            self.guard.attempt("changed settings", self._components.on_idle)

    def _perform(self, action: Action) -> None:
        """Carry out an action for sound, and pass the others on."""
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
                self._perform_on_device(action)

    def _perform_on_device(self, action: DeviceAction | AgentAction) -> None:
        """Carry out an action for indicators, timers or alarms, and pass the others on."""
        match action:
            case act.Show(status):
                self._components.show(status)
            case act.TellLeaving(leaving):
                self._components.tell_leaving(leaving=leaving)
            case act.StartTimer(name, after_s):
                self._timers.start(name, after_s)
            case act.CancelTimer(name):
                self._timers.cancel(name)
            case act.SettleAlarm(alarm_id):
                if (alarms := self._components.alarms) is not None:
                    self.guard.attempt(alarms, alarms.settle, alarm_id)
            case _:
                self._perform_for_agent(action)

    def _perform_for_agent(self, action: AgentAction) -> None:
        """Carry out an action for the link or the tools."""
        match action:
            case act.OpenLink(resume_key, pause, greet):
                self._open_link(resume_key, pause, greet=greet)
            case act.HurryLink(resume_key, greet):
                if self._connection is None or not self._connection.is_open:
                    self._open_link(resume_key, AT_ONCE, greet=greet)
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
        self.uplink.rewind()  # the new link first sends what the old one did not deliver
        try:
            codec = self._components.agent.codec(resume_key, greet=greet)
        except Exception as error:  # noqa: BLE001 - the next attempt comes by the table of delays
            self.dispatch(ev.LinkLost(reason_of(error)))
            return
        connection = Connection(codec, self._context, resumes=resume_key is not None)
        delay_s = self._components.uniform(pause.least_s, pause.most_s)
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
        self, event: ev.MicrophoneChanged | ev.SpeakerChanged, exc: DeviceError | None
    ) -> None:
        """Log the first failure as a warning, its repeats at debug level, and the recovery."""
        before = self.conversation
        name = "microphone" if isinstance(event, ev.MicrophoneChanged) else "speaker"
        was = before.microphone if isinstance(event, ev.MicrophoneChanged) else before.speaker
        self.dispatch(event)
        if isinstance(event, ev.SpeakerChanged) and exc is None:
            self._playback.set_volume(self._volume)
        if exc is not None:
            level = logging.DEBUG if was is event.fault else logging.WARNING
            log.log(level, "no %s: %s", name, exc)
        elif was not in (None, SoundFault.UNOPENED):
            log.info("the %s is back", name)

    async def _run_pipe(self, pipe: CapturePipe | PlaybackPipe) -> None:
        """Run a pipe; if its device cannot be recovered, stop cleanly before the process ends."""
        try:
            await pipe.run(self._device_changed)
        except DeviceStuck as exc:
            log.error("%s", exc)  # noqa: TRY400 - it says it all
            self._stuck_device = exc
            self.dispatch(ev.StopRequested())

    def _play_cue(self, order: act.PlayEarcon) -> None:
        """Play a cue over the reply; report when a prompt has left the room."""
        cues, rate_hz = self._components.cues, self.playout.rate_hz
        sound = self.guard.attempt(cues, cues, order.earcon, order.prompt, rate_hz) or b""
        self._rest.put_off()
        self._playback.overlay(sound, alarm=order.earcon is Earcon.ALARM)
        if order.prompt is not None:
            duration_s = PcmFormat(self.playout.rate_hz).duration_ms(len(sound)) / 1000
            after_s = duration_s + CUE_DELAY_S if sound else 0.0
            self._timers.start("prompt", after_s, ev.PromptEnded())

    @property
    def volume(self) -> int:
        """Loudness of the agent, 0 to 100."""
        return self._volume

    @volume.setter
    def volume(self, percent: int) -> None:
        self._volume = min(max(percent, 0), FULL_VOLUME)
        self._playback.set_volume(self._volume)
        self._remember()
        self._components.tell_observers(self.conversation, None, self.conversation)

    def _remember(self) -> None:
        if (memory := self._components.memory) is not None:
            remember = partial(memory.remember, muted=self.conversation.muted)
            self.guard.attempt(memory, remember, self._volume)

    def _drained(self, reply_id: str) -> None:
        """Thread: the playback thread or the loop's."""
        self._loop.call_soon_threadsafe(self.dispatch, ev.PlaybackDrained(reply_id))

    def _audible(self, reply_id: str) -> None:
        """Thread: the playback thread."""
        self._loop.call_soon_threadsafe(self.dispatch, ev.ReplyHeard(reply_id))

    def _signs(self) -> int:
        """Count the signs of progress of the agent; during a reply, only its sound is one."""
        now, link = self.conversation, self._connection
        is_heard = now.phase is Phase.SPEAKING or now.cut_reply is not None
        return self.playout.sounded if is_heard or link is None else link.signs
