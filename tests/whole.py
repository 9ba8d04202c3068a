"""The real daemon, as `voiced run` builds it, in this process: for tests with real sockets."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace

from tests.fakes import ManualWake, RecordingCaptions, RecordingIndicator
from voiced.assembly.factory import Extras, assemble_parts, sound_settings
from voiced.assembly.factory import policy as policy_of
from voiced.config.schema import AgentSection, Settings, SoundsSection
from voiced.config.schema_sound import AudioSection, CaptureSection
from voiced.core.events import StopRequested, Woken
from voiced.devices.network.websocket import WebSocketDialer
from voiced.runtime.runtime import Runtime


@asynccontextmanager
async def daemon(url, *, microphone=None, speaker=None, link=None, policy=None, **sections):
    """Run a daemon that talks to `url`, asleep; stop it at the end, within its 3 s.

    Sections of the settings may be given by name, as may be the fields of the agent's section.
    `link` and `policy` replace what the settings say about them; `tools` is a list of them.
    """
    tools = sections.pop("tools", None)
    whole = {
        name: sections.pop(name) for name in ("audio", "network", "sounds") if name in sections
    }
    if microphone is not None:  # what is made up may be silent
        whole.setdefault("audio", AudioSection(capture=CaptureSection(silent_after_s=0)))
    whole.setdefault("sounds", SoundsSection(earcons=False, causes=False))
    settings = Settings(agent=AgentSection(url=url, **sections), **whole)
    it = SimpleNamespace(wake=ManualWake(), led=RecordingIndicator(), captions=RecordingCaptions())
    extras = Extras(
        microphone=microphone,
        speaker=speaker,
        tools=None if tools is None else {tool.spec.name: tool for tool in tools},
        key="k",
        wake_sources=[it.wake],
        indicators=[it.led],
        captions=[it.captions],
    )
    components = assemble_parts(settings, extras)
    if link is not None:
        components = replace(components, dial=WebSocketDialer(link))
    it.runtime = Runtime(components, policy or policy_of(settings), sound_settings(settings))
    running = it.running = asyncio.create_task(it.runtime.run())
    await asyncio.sleep(0.2)
    try:
        yield it
        it.wake.emit(StopRequested())
        await asyncio.wait_for(running, 3.0)
    finally:
        running.cancel()


async def until(condition, within_s=10.0):
    """Wait for `condition()` to hold."""
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.005)


async def converse(it, within_s=10.0):
    """Wake the daemon and wait until the agent listens."""
    it.wake.emit(Woken("test"))
    await until(lambda: it.led.shown[-1] == "listening", within_s)
