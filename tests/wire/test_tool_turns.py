"""Tool turns over real sockets (tests/tool_turns.py)."""

import pytest

from agentsim.assemblyai.server import serve_assemblyai
from agentsim.assemblyai.settings import Settings
from agentsim.faults import Faults
from agentsim.timing import Timing
from tests.fakes import RecordingSpeaker, ScriptedMicrophone
from tests.tool_turns import SCENARIOS, TIMING, judge
from tests.whole import converse, daemon

pytestmark = pytest.mark.real_time


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
async def test_a_tool_turn_over_sockets_breaks_no_rule(scenario, caplog):
    caplog.set_level("INFO")
    timing = Timing(ready_s=0.05, end_of_turn_s=0.4, **TIMING)
    stand_in = {**scenario.stand_in, "faults": Faults(scenario.stand_in.get("faults", ()))}
    microphone, tools = ScriptedMicrophone(), scenario.tools()
    async with serve_assemblyai(Settings(mode="strict", timing=timing, **stand_in)) as server:
        components = {"microphone": microphone, "speaker": RecordingSpeaker(), "tools": tools}
        async with daemon(server.url, **components, **scenario.agent) as it:
            await converse(it)
            it.microphone, it.log = microphone, caplog
            it.service, it.session = server.service, server.service.sessions[-1]
            it.tools = {tool.spec.name: tool for tool in tools}
            await scenario.play(it)
    judge(it, scenario)
