"""A whole daemon against a stand-in agent, without sockets, threads or real time."""

import asyncio
import json
from contextlib import asynccontextmanager

import numpy as np

from agentsim.assemblyai import service as assemblyai
from agentsim.assemblyai.settings import Settings as AssemblyAiSettings
from agentsim.faults import Faults
from agentsim.timing import Timing
from agentsim.workbuddy import service as workbuddy
from agentsim.workbuddy.settings import Settings as WorkBuddySettings
from tests.fakes import (
    CountingTap,
    ManualWake,
    RecordingCaptions,
    RecordingIndicator,
    RecordingMemory,
    RecordingSpeaker,
    ScriptedMicrophone,
    ScriptedTool,
)
from voiced.agents import AGENTS
from voiced.agents.codec import AgentSettings, HttpAnswer
from voiced.core.events import StopRequested, Woken
from voiced.core.state import Phase, Policy
from voiced.devices.sound.cue_files import CueFiles
from voiced.errors import LinkError, Unreached
from voiced.lib.registry import load
from voiced.runtime.components import Components
from voiced.runtime.runtime import Runtime

SEND_TIMEOUT_S = 5.0

CUES = CueFiles(earcons=True, prompts=True)
SILENT = CueFiles(earcons=False, prompts=False)

STAND_INS = {
    "assemblyai": (assemblyai.Service, AssemblyAiSettings, "wss://agent.test/v1/ws"),
    "workbuddy": (workbuddy.Service, WorkBuddySettings, "https://agent.test"),
}
"""What stands in for each agent, what sets it up, and where it pretends to live."""

protocol = "assemblyai"
"""The agent of the test that runs."""


def uplink_hz():
    """Return the rate at which the agent of the test that runs hears."""
    settings = AgentSettings(url=STAND_INS[protocol][2])
    return load(AGENTS, protocol, "agent.protocol")(settings).codec(None).uplink.rate_hz


class PairedLink:
    """Our end of a connection to a stand-in agent. What is written is acknowledged at once."""

    def __init__(self, connection):
        self._connection = connection
        self.written_bytes = 0

    @property
    def acknowledged_bytes(self):
        return self.written_bytes

    @property
    def close_code(self):
        return self._connection.close_code

    @property
    def close_reason(self):
        return self._connection.close_reason

    async def send(self, message):
        if self._connection.frozen:
            await asyncio.sleep(SEND_TIMEOUT_S)
            self.abort()
        if self._connection.closed:
            raise LinkError("the connection is gone")
        self._connection.receive(message)
        self.written_bytes += len(message)

    def attend(self, closely):
        pass

    async def watch(self):
        await asyncio.Event().wait()

    async def __aiter__(self):
        async for message in self._connection:
            yield message

    async def close(self):
        self._connection.lost(1000)

    def abort(self):
        self._connection.lost()


class House:
    """Everything a test may want to look at or to push."""

    def __init__(self, protocol, agent, session, policy, tools, **options):
        stand_in, set_up, url = STAND_INS[protocol]
        self.service = stand_in(set_up(**agent))
        self.microphone = ScriptedMicrophone(options.get("microphone_hz", 16_000))
        self.speaker = RecordingSpeaker(options.get("speaker_hz", 48_000))
        self.led = RecordingIndicator()
        self.captions = RecordingCaptions()
        self.tap = CountingTap()
        self.memory = RecordingMemory()
        self.wake = ManualWake()
        self.tools = {tool.spec.name: tool for tool in tools}
        self.http_calls = []
        self.reachable = self.tokens_reachable = True
        self.dials = []
        settings = AgentSettings(
            url=url,
            key="k",
            auth=options.get("auth", "bearer"),
            session=session,
            tools=[tool.spec for tool in tools],
            eager_tools=options.get("eager_tools", False),
        )
        self.agent = load(AGENTS, protocol, "agent.protocol")(settings)
        self.failing = options.get("failing", False)
        lamps, clock = options.get("lamps", ()), options.get("alarms")
        components = Components(
            microphone=self.microphone,
            speaker=self.speaker,
            dial=self._dial,
            call_http=self._call_http,
            agent=self.agent,
            tools=self.tools,
            wake_sources=[self.wake, *options.get("buttons", ()), *([clock] if clock else [])],
            indicators=[self.led, *lamps],
            captions=[self.captions],
            taps=options.get("taps", [self.tap]),
            lights=[self.led, *lamps],
            background=lamps,
            cues=options.get("cues", SILENT),
            memory=self.memory,
            alarms=clock,
            on_idle=options.get("on_idle", lambda: None),
        )
        self.runtime = Runtime(components, policy, options.get("sound"))

    @property
    def session(self):
        return self.service.sessions[-1]

    @property
    def phase(self):
        return self.runtime.conversation.phase

    def sent(self, kind):
        """Return what the daemon sent of one type, over all links."""
        return self.service.events.find("received", type=kind)

    def heard(self):
        """Return every sample the agent heard in its last session, at its own rate."""
        return np.frombuffer(bytes(self.session.hearing.uplink.heard), "<i2")

    async def settle(self, phase, within_s=20.0):
        async with asyncio.timeout(within_s):
            while self.phase is not phase:
                await asyncio.sleep(0.005)

    def lose_network(self, *, tokens=True):
        """Lose the link, and every attempt until `reachable` is set again; with `tokens` every call as well."""
        self.reachable, self.tokens_reachable = False, not tokens
        self.session.drop()

    @asynccontextmanager
    async def _dial(self, dial):
        self.dials.append(dial)
        await asyncio.sleep(0.05)
        if not self.reachable:
            raise Unreached("there is no route to the agent")
        link = PairedLink(self.service.dial(dial.url, dial.headers))
        try:
            yield link
        finally:
            link.abort()

    async def _call_http(self, call):
        self.http_calls.append(call)
        if not (self.reachable or self.tokens_reachable):
            raise Unreached("there is no route to the agent")
        status, body = self.service.answer(call.method, call.url, call.headers)
        return HttpAnswer(status, json.dumps(body).encode())


HOUSE = (
    "microphone_hz",
    "speaker_hz",
    "auth",
    "cues",
    "sound",
    "buttons",
    "lamps",
    "taps",
    "alarms",
    "eager_tools",
    "failing",
    "on_idle",
)


@asynccontextmanager
async def house(*, timing=None, session=None, policy=None, tools=None, **options):
    """Run a daemon, asleep; stop it at the end and check that nothing is left.

    Of the options, those in HOUSE are the house's; the others set up the stand-in agent. With `failing`,
    parts may fail.
    """
    agent = {name: value for name, value in options.items() if name not in HOUSE}
    agent["faults"] = Faults(agent.get("faults", ()))
    agent["timing"] = Timing(**{"leading_silence_s": 0.0, **(timing or {})})
    it = House(
        protocol,
        {"keep_heard": True, **agent},
        session or {},
        policy or Policy(),
        [ScriptedTool("get_time", {"time": "12:00"})] if tools is None else tools,
        **{name: options[name] for name in HOUSE if name in options},
    )
    running = it.running = asyncio.create_task(it.runtime.run())
    await asyncio.sleep(0.1)
    try:
        yield it
        it.wake.emit(StopRequested())
        await asyncio.wait({running}, timeout=3.0)
        assert running.done()
        assert not any(not session.ended for session in it.service.sessions if session.connection)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert it.failing or it.runtime.guard.failures == {}
    finally:
        running.cancel()
        it.service.close()


@asynccontextmanager
async def awake(**options):
    """Run a daemon and wake it; the agent listens."""
    async with house(**options) as it:
        it.wake.emit(Woken("test"))
        await it.settle(Phase.LISTENING)
        yield it


def tone(duration_ms, rate_hz=16_000, level=0.3):
    """Return a tone that a stand-in agent takes for speech."""
    t = np.arange(int(rate_hz * duration_ms / 1000)) / rate_hz
    return (level * 32_767 * np.sin(2 * np.pi * 440 * t)).astype("<i2").tobytes()
