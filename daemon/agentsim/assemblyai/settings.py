"""What a stand-in AssemblyAI service is set up with."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Self

from agentsim.assemblyai.session_object import VOICES
from agentsim.faults import Faults
from agentsim.scenario import Scenario
from agentsim.speaking import Voice
from agentsim.timing import Timing
from agentsim.tone import Tone
from agentsim.understanding import Scripted, Understanding


@dataclass
class Settings:
    """One stand-in. As it comes: deterministic, no threads, no programs, no files.

    Attributes:
        mode: `live` does as the service was seen to do, `strict` as its documents say, and
            counts what the client does against them.
        keys: Accepted credentials; none means any.
        forbidden_keys: Those that are good, but not allowed to do anything.
        scenario: What the agent says and does.
        faults: What goes wrong; change it at any time.
        timing: How long things take.
        voice: How the agent sounds.
        understanding: What the agent understands.
        listening: Off: sound is counted and recorded but never makes a turn.
        keep_heard: Keep the payload of every input.audio in `AgentSession.heard`.
        record_dir: Write what each session heard to a WAV file here.
        max_sessions: More at a time get `concurrency_exceeded`.
        seed: Of everything random.
    """

    mode: Literal["live", "strict"] = "live"
    keys: Sequence[str] = ()
    forbidden_keys: Sequence[str] = ()
    scenario: Scenario = field(default_factory=Scenario)
    faults: Faults = field(default_factory=Faults)
    timing: Timing = field(default_factory=Timing)
    voice: Voice = field(default_factory=Tone)
    understanding: Understanding = field(default_factory=Scripted)
    listening: bool = True
    keep_heard: bool = False
    record_dir: Path | None = None
    max_sessions: int | None = None
    seed: int = 0

    @classmethod
    def of(cls, scenario: Scenario, **others: Any) -> Self:
        """Return settings that follow a scenario: its timing, its faults, what it hears."""
        settings = cls(scenario=scenario, **others)
        settings.timing = replace(settings.timing, **scenario.timing)
        for written in scenario.faults:
            settings.faults.add(written)
        if scenario.hears:
            settings.understanding = Scripted(scenario.hears)
        return settings

    @property
    def voices(self) -> Sequence[str]:
        """The voices a client may choose from."""
        return self.scenario.voices or VOICES
