"""What really happened in a demo: heard, understood, answered, sounded."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from voiced.agents.codec import Caption
from voiced.audio.levels import FLOOR_DBFS, rms_dbfs
from voiced.core.actions import Status
from voiced.core.events import AlarmRang, Event
from voiced.core.pcm import PcmFormat
from voiced.core.state import Conversation
from voiced.ports import Controls, Playback, SoundSource, Speaker, Tool

AUDIBLE_DBFS = -50.0
ANSWERED_S = 0.3
"""An answer counts when at least this much of it was audible."""

APART_S = 1.0
"""Sounds this far apart are two rings."""
LOCAL_RINGS = 2
"""A timer that was heard this often is one that goes on ringing."""


@dataclass(slots=True)
class Witness:
    """Counts what a person in the room would notice. A CaptionSink, an Indicator and an Observer.

    Attributes:
        asked: Something was said to the agent.
        spoke: How often the agent began to speak.
        announced: The agent said something since a timer was over.
        rings: How often there was a sound since then that was not the agent.
    """

    asked: bool = False
    spoke: int = 0
    user_said: list[str] = field(default_factory=list)
    agent_said: list[str] = field(default_factory=list)
    tools_called: list[str] = field(default_factory=list)
    audible_s: float = 0.0
    answer_s: float = 0.0
    loudest_dbfs: float = FLOOR_DBFS
    announced: bool = False
    rings: int = 0
    _rang: bool = False
    _speaking: bool = False
    _quiet_s: float = APART_S

    def caption(self, caption: Caption) -> None:
        """Note what was said."""
        self.asked |= caption.speaker == "user"
        if caption.final and caption.text.strip():
            said = self.user_said if caption.speaker == "user" else self.agent_said
            said.append(caption.text.strip())

    def show(self, status: Status) -> None:
        """Note when the agent begins to speak."""
        self._speaking = status is Status.SPEAKING
        self.spoke += self._speaking
        self.announced |= self._rang and self._speaking

    def noticed(
        self, before: Conversation, event: Event | None, now: Conversation, took_s: float
    ) -> None:
        """Note that a timer is over."""
        del before, now, took_s
        self._rang |= isinstance(event, AlarmRang)

    @property
    def rang_locally(self) -> bool:
        """Tell whether a timer went on ringing that nobody announced."""
        return not self.announced and self.rings >= LOCAL_RINGS

    @property
    def replies(self) -> int:
        """How many things the agent has said; not every agent writes down which."""
        return len(self.agent_said) if self.agent_said else self.spoke

    def sounded(self, pcm: bytes, pcm_format: PcmFormat) -> None:
        """Note what the speaker was given.

        Thread: the playback thread; the counters are its own.
        """
        level_dbfs = rms_dbfs(pcm)
        self.loudest_dbfs = max(self.loudest_dbfs, level_dbfs)
        seconds = pcm_format.duration_ms(len(pcm)) / 1000
        if level_dbfs <= AUDIBLE_DBFS:
            self._quiet_s += seconds
            return
        self.audible_s += seconds
        if self.user_said or (self.asked and not self.agent_said):
            self.answer_s += seconds
        if self._rang and not self._speaking:
            self.rings += self._quiet_s >= APART_S
        self._quiet_s = 0.0

    @property
    def full_turn(self) -> bool:
        """Tell whether the user was understood, as far as can be told, and the answer was heard."""
        understood = bool(self.user_said) if self.agent_said else self.asked
        return understood and self.answer_s >= ANSWERED_S


@dataclass(frozen=True, slots=True)
class WitnessedTool:
    """A tool that leaves a note when it is called."""

    tool: Tool
    witness: Witness

    @property
    def spec(self) -> Any:
        """What the agent is told about it."""
        return self.tool.spec

    async def call(self, arguments: Mapping[str, Any], controls: Controls) -> object:
        """Run the tool."""
        self.witness.tools_called.append(self.tool.spec.name)
        return await self.tool.call(arguments, controls)


@dataclass(frozen=True, slots=True)
class WitnessedSpeaker:
    """A speaker whose sound is measured on its way."""

    speaker: Speaker
    witness: Witness

    @asynccontextmanager
    async def open(self) -> AsyncIterator["WitnessedPlayback"]:
        """Open the speaker."""
        async with self.speaker.open() as playback:
            yield WitnessedPlayback(playback, self.witness)


class WitnessedPlayback:
    """An open speaker whose sound is measured on its way."""

    def __init__(self, playback: Playback, witness: Witness) -> None:
        self.format = playback.format
        self.mixer = playback.mixer
        self._playback = playback
        self._witness = witness

    @property
    def xruns(self) -> int:
        """How many underruns there were."""
        return self._playback.xruns

    async def run(self, source: SoundSource) -> None:
        """Play `source`."""
        await self._playback.run(_Measured(source, self._witness, self.format))

    def drop(self) -> None:
        """Forget what the device still holds."""
        self._playback.drop()

    def relax(self, relaxed: bool, /) -> None:  # noqa: FBT001 - as the port says
        """Pull seldom, or as ever again."""
        self._playback.relax(relaxed)


@dataclass(frozen=True, slots=True)
class _Measured:
    source: SoundSource
    witness: Witness
    format: PcmFormat

    def pull(self, n_bytes: int) -> bytes:
        pcm = self.source.pull(n_bytes)
        self.witness.sounded(pcm, self.format)
        return pcm

    def played(self, n_frames: int) -> None:
        self.source.played(n_frames)
