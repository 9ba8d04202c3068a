"""The components and sound settings of a runtime; `assembly` fills them in."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from voiced import ports
from voiced.agents.codec import Agent
from voiced.core.actions import Status
from voiced.core.events import Event
from voiced.core.state import Conversation
from voiced.lib.backoff import Uniform
from voiced.lib.waiting import uniform
from voiced.runtime.guard import Guard, Run, name_of


@dataclass(frozen=True, slots=True)
class Components:
    """Everything concrete the runtime drives.

    `on_idle` is called after each conversation, and before a new one begins. `vital` lists the wake sources and
    background tasks that the daemon cannot run without: if one fails, the process ends and systemd starts another.
    `guard` restarts everything else.
    """

    microphone: ports.Microphone
    speaker: ports.Speaker
    dial: ports.Dialer
    call_http: ports.DialCaller
    agent: Agent
    tools: Mapping[str, ports.Tool] = field(default_factory=dict)
    context: Sequence[str] = ()
    wake_sources: Sequence[ports.WakeSource] = ()
    indicators: Sequence[ports.Indicator] = ()
    observers: Sequence[ports.Observer] = ()
    lights: Sequence[ports.PrivacyLight] = ()
    captions: Sequence[ports.CaptionSink] = ()
    taps: Sequence[ports.PeriodTap] = ()
    background: Sequence[ports.BackgroundTask] = ()
    cues: ports.Cues = lambda _earcon, _prompt, _rate_hz: b""
    memory: ports.Memory | None = None
    alarms: ports.Alarms | None = None
    on_idle: Callable[[], None] = lambda: None
    vital: Sequence[ports.WakeSource | ports.BackgroundTask] = ()
    guard: Guard = field(default_factory=Guard)
    uniform: Uniform = uniform

    def runs(self, emit: ports.Emit) -> dict[object, Run]:
        """Return the coroutines that run as long as the daemon does, guarded unless they are vital.

        Wake sources come first, so that a signal to stop counts from the first moment.
        """
        runs: dict[object, Run] = {}
        for source in self.wake_sources:
            runs[source.watch] = self._guarded(source, partial(source.watch, emit))
        for task in self.background:
            runs[task.run] = self._guarded(task, task.run)
        return runs

    def _guarded(self, part: ports.WakeSource | ports.BackgroundTask, run: Run) -> Run:
        return run if part in self.vital else partial(self.guard.run, name_of(part), run)

    def show(self, status: Status, known: "Components | None" = None) -> None:
        """Show `status` on every indicator that `known` does not have."""
        for indicator in self.indicators:
            if known is None or indicator not in known.indicators:
                self.guard.attempt(indicator, indicator.show, status)

    def tell_leaving(self, *, leaving: bool, known: "Components | None" = None) -> None:
        """Show whether sound may leave, on every privacy light that `known` does not have."""
        for light in self.lights:
            if known is None or light not in known.lights:
                self.guard.attempt(light, light.tell_leaving, leaving)

    def tell_observers(
        self, before: Conversation, event: Event | None, now: Conversation, took_s: float = 0.0
    ) -> None:
        """Tell every observer what happened and what resulted."""
        for observer in self.observers:
            self.guard.attempt(observer, observer.noticed, before, event, now, took_s)


@dataclass(frozen=True, slots=True)
class SoundSettings:
    """How much sound is buffered, and how loud it is played.

    Attributes:
        volume: Loudness of the agent, 0 to 100.
        buffer_s: How much of a reply may wait for the speaker.
        keep_s: How much captured sound may wait for the agent; the oldest is dropped first.
        boost: Gain on top of the volume.
        silent_after_s: Exact zeros for that long mean that the microphone is broken; 0 means never.
        muted: Start with the microphone switched off.
        mute_shuts: A mute also closes the capture device.
        guard_echo: Detect an agent that is interrupted by its own voice.
    """

    volume: int = 70
    buffer_s: float = 60.0
    keep_s: float = 10.0
    boost: float = 1.0
    silent_after_s: float = 0.0
    muted: bool = False
    mute_shuts: bool = False
    guard_echo: bool = False
