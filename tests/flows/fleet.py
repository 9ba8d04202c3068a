"""Many daemons, one server, an outage: real runtimes on the jumping clock, without sound."""

import asyncio
import random
from collections import Counter
from contextlib import asynccontextmanager

from agentsim.assemblyai.service import Service
from agentsim.assemblyai.settings import Settings
from agentsim.timing import Timing
from tests.fakes import ManualWake, ScriptedHttp
from tests.flows.house import PairedLink
from voiced.agents import AGENTS
from voiced.agents.codec import AgentSettings
from voiced.core.events import StopRequested, Woken
from voiced.core.pcm import PcmFormat
from voiced.core.state import Phase, Policy
from voiced.errors import LinkError
from voiced.lib.registry import load
from voiced.runtime.components import Components
from voiced.runtime.runtime import Runtime


class Still:
    """A microphone and a speaker that never move."""

    format = PcmFormat(16_000)
    xruns = 0
    mixer = None

    @asynccontextmanager
    async def open(self):
        yield self

    def relax(self, relaxed):
        pass

    async def run(self, _):
        await asyncio.Event().wait()


class Fleet:
    """Daemons that share a server.

    Attributes:
        server_is_up: Whether it can be reached.
        attempts: Attempts to reach it, by second of the clock.
    """

    def __init__(self, size, seed=1):
        self.server_is_up = True
        self.attempts = Counter()
        self.service = Service(Settings(timing=Timing(ready_s=0.05), listening=False))
        self._wakes = [ManualWake() for _ in range(size)]
        self.runtimes = [
            Runtime(
                self._components(wake, random.Random(f"{seed}-{n}")), Policy(idle_timeout_s=None)
            )
            for n, wake in enumerate(self._wakes)
        ]

    def _components(self, wake, source):
        still = Still()
        settings = AgentSettings(url="wss://agent.test/v1/ws", key="k")
        return Components(
            microphone=still,
            speaker=still,
            dial=self._dial,
            call_http=ScriptedHttp(),
            agent=load(AGENTS, "assemblyai", "agent.protocol")(settings),
            wake_sources=[wake],
            uniform=source.uniform,
        )

    @asynccontextmanager
    async def _dial(self, dial):
        self.attempts[int(asyncio.get_running_loop().time())] += 1
        await asyncio.sleep(0.05)
        if not self.server_is_up:
            raise LinkError("the server is down")
        link = PairedLink(self.service.dial(dial.url, dial.headers))
        try:
            yield link
        finally:
            link.abort()

    async def live_through(self, outage_s, calm_s=10.0):
        """Wake all, take the server away, give it back; return when it went and came."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            for runtime in self.runtimes:
                group.create_task(runtime.run())
            await asyncio.sleep(0.1)
            for wake in self._wakes:
                wake.emit(Woken("always", unattended=True))
            await asyncio.sleep(calm_s)
            went_s = int(loop.time()) + 1
            await asyncio.sleep(went_s - loop.time())
            self.server_is_up = False
            for session in list(self.service.sessions):
                session.drop()
            await asyncio.sleep(outage_s)
            self.server_is_up = True
            came_s = int(loop.time())
            while self.away():
                await asyncio.sleep(0.5)
            back_s = loop.time()
            for wake in self._wakes:
                wake.emit(StopRequested())
        self.service.close()
        return went_s, came_s, back_s

    def away(self):
        """Return how many daemons have no agent."""
        return sum(it.conversation.phase is Phase.CONNECTING for it in self.runtimes)
