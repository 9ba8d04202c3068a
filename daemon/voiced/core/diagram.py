"""The state diagram and the light table of the documents, drawn from the tables in the code."""

import re

from voiced.core.conversation import TRANSITIONS
from voiced.core.led_patterns import PATTERNS, describe
from voiced.core.state import Phase


def state_diagram() -> str:
    """Return a Mermaid state diagram of every row that may change the phase."""
    labels: dict[tuple[Phase, Phase], list[str]] = {}
    for (phase, event), row in TRANSITIONS.items():
        for target in row.leads_to:
            if target is not phase:
                labels.setdefault((phase, target), []).append(_in_words(event.__name__))
    lines = ["stateDiagram-v2", f"    [*] --> {Phase.ASLEEP.value}"]
    order = list(Phase)
    for (phase, target), words in sorted(
        labels.items(), key=lambda item: (order.index(item[0][0]), order.index(item[0][1]))
    ):
        lines.append(f"    {phase.value} --> {target.value}: {', '.join(sorted(words))}")
    lines.append(f"    {Phase.STOPPED.value} --> [*]")
    return "\n".join(lines)


def light_table() -> str:
    """Return a Markdown table of how a light shows each status."""
    lines = ["| Status | Colour | Flashes |", "|---|---|---|"]
    for status, pattern in PATTERNS.items():
        lines.append(f"| `{status.value}` | {pattern.name} | {describe(pattern)} |")
    return "\n".join(lines)


def _in_words(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", " ", name).lower()
