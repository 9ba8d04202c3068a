"""The settings that every stand-in has, whatever its protocol."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from agentsim.faults import Faults
from agentsim.scenario import Scenario
from agentsim.speaking import Voice
from agentsim.timing import Timing
from agentsim.tone import Tone
from agentsim.understanding import Scripted, Understanding


@dataclass
class CommonSettings:
    """How one stand-in behaves. The defaults are deterministic: no threads, no programs, no files.

    Attributes:
        keys: Accepted credentials; if empty, any.
        scenario: What the agent says and does.
        faults: What goes wrong; may be changed at any time.
        timing: How long things take.
        voice: How the agent sounds.
        understanding: What the agent understands.
        listening: If false, sound is counted and kept but never makes a turn.
        keep_heard: Keep the payload of all received sound.
        seed: Of all random numbers.
    """

    keys: Sequence[str] = ()
    scenario: Scenario = field(default_factory=Scenario)
    faults: Faults = field(default_factory=Faults)
    timing: Timing = field(default_factory=Timing)
    voice: Voice = field(default_factory=Tone)
    understanding: Understanding = field(default_factory=Scripted)
    listening: bool = True
    keep_heard: bool = False
    seed: int = 0

    @classmethod
    def of(cls, scenario: Scenario, **others: Any) -> Self:
        """Return settings with the scenario's timing, its faults, and the words it understands."""
        settings = cls(scenario=scenario, **others)
        settings.timing = replace(settings.timing, **scenario.timing)
        for written in scenario.faults:
            settings.faults.add(written)
        if scenario.hears:
            settings.understanding = Scripted(scenario.hears)
        return settings
