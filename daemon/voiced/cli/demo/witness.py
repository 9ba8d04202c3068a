"""What really happened in a demo: heard, understood, answered, sounded."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from voiced.agents.codec import Caption
from voiced.audio.levels import FLOOR_DBFS, rms_dbfs
from voiced.core.actions import Status
from voiced.core.pcm import PcmFormat
from voiced.ports import Controls, Playback, SoundSource, Speaker, Tool

AUDIBLE_DBFS = -50.0
ANSWERED_S = 0.3
"""An answer counts when at least this much of it was audible."""


@dataclass(slots=True)
class Witness:
    """Counts what a person in the room would notice. A CaptionView and an Indicator.

    Attributes:
        asked: Something was said to the agent.
        spoke: How often the agent began to speak.
    """

    asked: bool = False
    spoke: int = 0
    user_said: list[str] = field(default_factory=list)
    agent_said: list[str] = field(default_factory=list)
    tools_called: list[str] = field(default_factory=list)
    audible_s: float = 0.0
    answer_s: float = 0.0
    loudest_dbfs: float = FLOOR_DBFS

    def caption(self, caption: Caption) -> None:
        """Note what was said."""
        self.asked |= caption.speaker == "user"
        if caption.final and caption.text.strip():
            said = self.user_said if caption.speaker == "user" else self.agent_said
            said.append(caption.text.strip())

    def show(self, status: Status) -> None:
        """Note when the agent begins to speak."""
        self.spoke += status is Status.SPEAKING

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
        if level_dbfs > AUDIBLE_DBFS:
            seconds = pcm_format.duration_ms(len(pcm)) / 1000
            self.audible_s += seconds
            if self.user_said or (self.asked and not self.agent_said):
                self.answer_s += seconds

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
