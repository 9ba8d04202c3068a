"""Tool turns on the jumping clock (tests/tool_turns.py)."""

import pytest

from tests.flows.house import awake
from tests.tool_turns import SCENARIOS, TIMING, judge


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
@pytest.mark.needs("tools")
async def test_a_tool_turn_goes_as_the_documents_say(scenario, caplog):
    caplog.set_level("INFO")
    options = {"mode": "strict", "timing": TIMING, **scenario.stand_in, **scenario.agent}
    async with awake(tools=scenario.tools(), **options) as it:
        it.log = caplog
        await scenario.play(it)
    judge(it, scenario)
