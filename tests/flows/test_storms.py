"""An agent whose sessions never hold, for a day: it is left alone more and more."""

import asyncio
import json
import logging
import random
from contextlib import asynccontextmanager

import pytest

from agentsim.faults import Faults
from agentsim.timing import Timing
from tests.fakes import ManualWake, RecordingIndicator
from tests.flows.fleet import Still
from tests.flows.house import STAND_INS, PairedLink
from voiced.agents import AGENTS
from voiced.agents.codec import AgentSettings, HttpAnswer
from voiced.core.events import StopRequested
from voiced.core.state import Phase, Policy
from voiced.errors import Unreached
from voiced.lib.registry import load
from voiced.runtime.always_on import AlwaysAwake
from voiced.runtime.components import Components
from voiced.runtime.runtime import Runtime

DAY_S = 24 * 3600
MOST_SESSIONS = 150

ENDINGS = {
    "assemblyai": [
        "ended@ready*99999",
        "close=1000@ready*99999",
        "close=1000@update*99999",
        "close=1011@ready*99999",
        "drop@ready*99999;resume=session_not_found",
        "ended@ready+10500*99999",
        "error=session_not_found@ready*99999",
        "error=at_capacity@ready*99999",
    ],
    "workbuddy": [
        "ended-because=agent_disconnected@ready*99999",
        "ended-because=quota@connect*99999",
        "close=1000@ready*99999",
        "close=1011@ready*99999",
        "close=1011@update*99999",
        "drop@ready*99999",
        "drop@ready+10500*99999",
    ],
}


class Kiosk:
    """A device of `wake: always` without sound, and its agent."""

    def __init__(self, protocol, faults):
        stand_in, set_up, url = STAND_INS[protocol]
        self.service = stand_in(set_up(faults=Faults(faults), timing=Timing(), listening=False))
        self.wake, self.led, self.always = ManualWake(), RecordingIndicator(), AlwaysAwake()
        self.dials = self.sessions = 0
        self.is_up = lambda: True
        settings = AgentSettings(url=url, key="k")
        components = Components(
            microphone=Still(),
            speaker=Still(),
            dial=self._dial,
            call_http=self._call_http,
            agent=load(AGENTS, protocol, "agent.protocol")(settings),
            wake_sources=[self.wake, self.always],
            indicators=[self.led],
            observers=[self.always],
            uniform=random.Random(7).uniform,
        )
        self.runtime = Runtime(components, Policy(idle_timeout_s=None))

    @asynccontextmanager
    async def _dial(self, dial):
        self.dials += 1
        await asyncio.sleep(0.05)
        if not self.is_up():
            raise Unreached("refused")
        self.sessions += 1
        link = PairedLink(self.service.dial(dial.url, dial.headers))
        try:
            yield link
        finally:
            link.abort()

    async def _call_http(self, call):
        status, body = self.service.answer(call.method, call.url, call.headers)
        return HttpAnswer(status, json.dumps(body).encode())

    @asynccontextmanager
    async def running(self):
        task = asyncio.create_task(self.runtime.run())
        await asyncio.sleep(0.1)
        try:
            yield self
            self.wake.emit(StopRequested())
            await asyncio.wait({task}, timeout=3.0)
        finally:
            task.cancel()
            self.service.close()


def warnings(caplog):
    return [
        one.getMessage()
        for one in caplog.records
        if one.levelno >= logging.WARNING and "link lost" in one.getMessage()
    ]


@pytest.mark.parametrize("number", range(max(map(len, ENDINGS.values()))))
async def test_a_day_of_sessions_that_end_at_once_is_few_sessions_and_one_warning(
    number, protocol, caplog, measured
):
    if number >= len(ENDINGS[protocol]):
        return
    fault = ENDINGS[protocol][number]
    caplog.set_level(logging.INFO)
    async with Kiosk(protocol, fault.split(";")).running() as it:
        await asyncio.sleep(DAY_S)
        measured(f"{protocol}, {fault.split('*')[0]}: {it.dials} sessions in 24 h")
        assert it.dials <= MOST_SESSIONS
        assert it.led.shown[-1] == "offline"
        assert it.runtime.conversation.cause
        assert len(warnings(caplog)) == 1


@pytest.mark.parametrize("down_s", [0.3, 2.0, 20.0])
@pytest.mark.parametrize("up_s", [1.0, 5.0])
async def test_a_service_that_breaks_at_every_start_is_no_reason_for_many_sessions(
    up_s, down_s, protocol, measured
):
    loop = asyncio.get_running_loop()
    async with Kiosk(protocol, ["drop@ready*99999"]).running() as it:
        it.is_up = lambda: loop.time() % (up_s + down_s) < up_s
        await asyncio.sleep(DAY_S)
        measured(f"{protocol}, {up_s} s up, {down_s} s down: {it.sessions} sessions in 24 h")
        assert it.sessions <= MOST_SESSIONS


async def test_a_device_that_was_left_alone_is_itself_again_once_a_session_holds(caplog, protocol):
    caplog.set_level(logging.INFO)
    fault = {"assemblyai": "ended@ready*5", "workbuddy": "ended-because=quota@ready*5"}[protocol]
    async with Kiosk(protocol, [fault]).running() as it:
        await asyncio.sleep(300)
        assert it.dials == 6
        assert it.runtime.conversation.phase is Phase.LISTENING
        assert it.runtime.conversation.cause == ""
        assert it.led.shown[-1] == "listening"
        assert "sessions last again" in caplog.text
