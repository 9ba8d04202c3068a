"""Observes what happens in a demo: words, replies, tool calls, and the sound that is played."""

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
ANSWERED_S = 0.3  # the least audible sound that counts as an answer
APART_S = 1.0  # the silence between two rings
LOCAL_RINGS = 2  # rings that prove that a timer goes on ringing


@dataclass(slots=True)
class Witness:
    """Counts what a person in the room would notice. Implements CaptionSink, Indicator and Observer.

    Attributes:
        asked: The user has said something.
        spoke: How often the agent has begun to speak.
        announced: The agent has spoken since a timer fired.
        rings: Sounds since then that did not come from the agent.
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
        """Record what was said."""
        self.asked |= caption.speaker == "user"
        if caption.final and caption.text.strip():
            said = self.user_said if caption.speaker == "user" else self.agent_said
            said.append(caption.text.strip())

    def show(self, status: Status) -> None:
        """Record when the agent begins to speak."""
        self._speaking = status is Status.SPEAKING
        self.spoke += self._speaking
        self.announced |= self._rang and self._speaking

    def noticed(
        self, before: Conversation, event: Event | None, now: Conversation, took_s: float
    ) -> None:
        """Record that a timer has fired."""
        del before, now, took_s
        self._rang |= isinstance(event, AlarmRang)

    @property
    def rang_locally(self) -> bool:
        """Whether a timer went on ringing without an announcement."""
        return not self.announced and self.rings >= LOCAL_RINGS

    @property
    def replies(self) -> int:
        """How many replies the agent gave; not every agent sends transcripts of them."""
        return len(self.agent_said) if self.agent_said else self.spoke

    def sounded(self, pcm: bytes, pcm_format: PcmFormat) -> None:
        """Measure the sound given to the speaker. Thread: playback, which alone uses these counters."""
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
        """Whether the user was understood, as far as the agent shows it, and the answer was audible."""
        understood = bool(self.user_said) if self.agent_said else self.asked
        return understood and self.answer_s >= ANSWERED_S


@dataclass(frozen=True, slots=True)
class WitnessedTool:
    """A tool whose calls are recorded."""

    tool: Tool
    witness: Witness

    @property
    def spec(self) -> Any:
        """Its description for the agent."""
        return self.tool.spec

    async def call(self, arguments: Mapping[str, Any], controls: Controls) -> object:
        """Run the tool."""
        self.witness.tools_called.append(self.tool.spec.name)
        return await self.tool.call(arguments, controls)


@dataclass(frozen=True, slots=True)
class WitnessedSpeaker:
    """A speaker whose sound is measured."""

    speaker: Speaker
    witness: Witness

    @asynccontextmanager
    async def open(self) -> AsyncIterator["WitnessedPlayback"]:
        """Open the speaker."""
        async with self.speaker.open() as playback:
            yield WitnessedPlayback(playback, self.witness)


class WitnessedPlayback:
    """An open speaker whose sound is measured."""

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
        """Drop what the device still holds."""
        self._playback.drop()

    def relax(self, relaxed: bool, /) -> None:  # noqa: FBT001 - as the port says
        """Pull sound seldom, or at the normal rate again."""
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
