"""What a stand-in WorkBuddy service is set up with."""

from collections.abc import Sequence
from dataclasses import dataclass, field

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
        keys: Accepted API keys; none means any.
        active: The kiosk is switched on; else calls are answered 403.
        token_s: How long a token lives.
        auth_s: How long a connection may take to show one.
        greeting: What the agent says first; empty for nothing.
        scenario: What the agent says.
        faults: What goes wrong; change it at any time.
        timing: How long things take.
        voice: How the agent sounds.
        understanding: What the agent understands.
        listening: Off: sound is counted and kept but never makes a turn.
        keep_heard: Keep what was heard in `Hearing.heard`.
        seed: Of everything random.
    """

    keys: Sequence[str] = ()
    active: bool = True
    token_s: float = 300.0
    auth_s: float = 10.0
    greeting: str = ""
    scenario: Scenario = field(default_factory=Scenario)
    faults: Faults = field(default_factory=Faults)
    timing: Timing = field(default_factory=Timing)
    voice: Voice = field(default_factory=Tone)
    understanding: Understanding = field(default_factory=Scripted)
    listening: bool = True
    keep_heard: bool = False
    seed: int = 0
