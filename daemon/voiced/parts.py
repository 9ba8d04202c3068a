"""What a runtime is made of and told: filled in by the composition root."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from voiced.agents.codec import Agent
from voiced.core.cues import Earcon, Prompt
from voiced.ports import (
    Alarms,
    CaptionView,
    Chore,
    Cues,
    Dialer,
    HttpCaller,
    Indicator,
    Memory,
    MicLight,
    Microphone,
    Observer,
    PeriodTap,
    Speaker,
    Tool,
    WakeSource,
)


def _no_cues(_earcon: Earcon, _prompt: Prompt | None, _rate_hz: int) -> bytes:
    return b""


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything concrete the runtime drives."""

    microphone: Microphone
    speaker: Speaker
    dial: Dialer
    call_http: HttpCaller
    agent: Agent
    tools: Mapping[str, Tool] = field(default_factory=dict)
    wake_sources: Sequence[WakeSource] = ()
    indicators: Sequence[Indicator] = ()
    observers: Sequence[Observer] = ()
    lights: Sequence[MicLight] = ()
    captions: Sequence[CaptionView] = ()
    taps: Sequence[PeriodTap] = ()
    chores: Sequence[Chore] = ()
    cues: Cues = _no_cues
    memory: Memory | None = None
    alarms: Alarms | None = None
    uniform: Callable[[float, float], float] = random.SystemRandom().uniform


@dataclass(frozen=True, slots=True)
class SoundSettings:
    """How much sound is held, and how loud it is played.

    Attributes:
        volume: Loudness of the agent, 0 to 100.
        buffer_s: The most of a reply that waits for the speaker.
        keep_s: The most captured sound that waits for the agent; the oldest goes first.
        boost: Gain on top of the volume.
        silent_after_s: Exact zeros for that long mean that the microphone is broken; 0 is never.
        muted: Start with the microphone switched off.
        mute_shuts: A mute also lets go of the capture device.
        guard_echo: Watch for the agent being interrupted by its own voice.
    """

    volume: int = 70
    buffer_s: float = 60.0
    keep_s: float = 10.0
    boost: float = 1.0
    silent_after_s: float = 0.0
    muted: bool = False
    mute_shuts: bool = False
    guard_echo: bool = False
