"""What is drawn of the tables shows all of them."""

from voiced.core.actions import Status
from voiced.core.conversation import TRANSITIONS
from voiced.core.diagram import light_table, state_diagram
from voiced.core.state import Phase


def test_every_change_of_phase_is_an_arrow():
    arrows = {
        line.partition(":")[0].strip() for line in state_diagram().splitlines() if ":" in line
    }
    assert arrows == {
        f"{phase.value} --> {target.value}"
        for (phase, _event), row in TRANSITIONS.items()
        for target in row.leads_to
        if target is not phase
    }
    assert f"[*] --> {Phase.ASLEEP.value}" in state_diagram()


def test_every_status_is_a_row_of_the_table_of_the_light():
    rows = light_table().splitlines()[2:]
    assert sorted(row.split("`")[1] for row in rows) == sorted(status.value for status in Status)
