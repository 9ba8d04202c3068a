"""The state diagram in the document about the daemon is the table."""

from pathlib import Path

from voiced.core.diagram import state_diagram
from voiced.core.state import Phase

DOCUMENT = Path(__file__).parents[2] / "daemon" / "README.md"


def test_the_diagram_in_the_document_is_drawn_from_the_table():
    assert f"```mermaid\n{state_diagram()}\n```" in DOCUMENT.read_text(encoding="utf-8")


def test_the_diagram_shows_every_phase():
    assert all(f" {phase.value}" in state_diagram() for phase in Phase)
