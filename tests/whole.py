"""The real daemon, as `voiced run` builds it, in this process: for tests with real sockets."""

import asyncio
from contextlib import asynccontextmanager
from types import SimpleNamespace

import msgspec

from tests.fakes import ManualWake, RecordingCaptions, RecordingIndicator
from voiced.app import Extras, assemble
from voiced.config.schema import AgentSection, Settings
from voiced.core.events import StopRequested, Woken


@asynccontextmanager
async def daemon(url, *, microphone=None, speaker=None, audio=None, **agent):
    """Run a daemon that talks to `url`, asleep; stop it at the end, within its 3 s."""
    settings = Settings(agent=AgentSection(url=url, **agent))
    if audio is not None:
        settings = msgspec.structs.replace(settings, audio=audio)
    it = SimpleNamespace(wake=ManualWake(), led=RecordingIndicator(), captions=RecordingCaptions())
    extras = Extras(
        microphone=microphone,
        speaker=speaker,
        key="k",
        wake_sources=[it.wake],
        indicators=[it.led],
        captions=[it.captions],
    )
    it.runtime = assemble(settings, extras)
    running = asyncio.create_task(it.runtime.run())
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
