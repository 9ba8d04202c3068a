"""A daemon that follows its settings, in this process, with a server that sends them."""

import asyncio
import hashlib
import logging
import time
from contextlib import asynccontextmanager

import numpy as np
import pytest

from agentsim.assemblyai.server import serve_assemblyai
from agentsim.assemblyai.settings import Settings as StandIn
from agentsim.timing import Timing
from tests.fakes import (
    ManualWake,
    RecordingIndicator,
    RecordingSpeaker,
    ScriptedMicrophone,
)
from tests.whole import until
from tests.wire.peers import tcp_server
from voiced.assembly.factory import ComponentCache, Extras, catalogue
from voiced.cli import main
from voiced.config.resolve import choose
from voiced.config.user_overrides import examine_with_by_hand
from voiced.core.events import EndRequested, StopRequested, Woken
from voiced.host.journal import set_level
from voiced.reload.overrides import by_hand_in
from voiced.service.run import follow
from voiced.storage.atomic_file import REAL
from voiced.storage.settings_store import RecordFile
from voiced.storage.state_store import StateStore

QUICK = Timing(ready_s=0.05, greeting_s=0.05, think_s=0.05, leading_silence_s=0.0, call_done_s=0.05)

LOCAL = """\
version: 1
device: {{name: kitchen}}
agent:
  url: {agent}
  key: {{file: {folder}/key}}
  session: {{system_prompt: You are one.}}
audio: {{capture: {{silent_after_s: 0}}}}
sounds: {{earcons: false, causes: false}}
"""
REMOTE = """\
remote: {{url: "{server}/{{name}}.yaml", interval_s: 5, trial_s: 5}}
"""


async def voiced(*arguments):
    """Run a command as in a terminal, beside the daemon; return its exit code."""
    return await asyncio.to_thread(main, [*map(str, arguments)])


class SettingsServer:
    """Serves files over HTTP, with the manners of a real server and without."""

    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}"
        self.files = {}
        self.asked = []

    def put(self, content, name="kitchen.yaml"):
        self.files[f"/{name}"] = content.encode() if isinstance(content, str) else content

    def answer(self, head):
        lines = head.decode().split("\r\n")
        path = lines[0].split()[1]
        headers = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
        self.asked.append(path)
        content = self.files.get(path)
        if content is None:
            return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        if content.startswith(b"HTTP/"):
            return content
        tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        if headers.get("If-None-Match") == tag:
            return b"HTTP/1.1 304 Not Modified\r\n\r\n"
        head = f"HTTP/1.1 200 OK\r\nETag: {tag}\r\nContent-Length: {len(content)}\r\n\r\n"
        return head.encode() + content


@asynccontextmanager
async def settings_server(tls=None):
    it = None

    async def talk(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(it.answer(head))
        await writer.drain()

    async with tcp_server(talk, ssl=tls) as port:
        it = SettingsServer(port)
        yield it


class Kiosk:
    """The daemon, its files and what it shows."""

    def __init__(self, folder, agent, server):
        self.agent, self.server = agent, server
        self.path = folder / "voiced.yaml"
        self.wake, self.led = ManualWake(), RecordingIndicator()
        self.microphone, self.speaker = ScriptedMicrophone(), RecordingSpeaker()
        (folder / "key").write_text("k\n")
        (folder / "key").chmod(0o600)
        self.folder = folder
        self.system = REAL
        self.extras = {"microphone": self.microphone, "speaker": self.speaker}

    def text(self, *more):
        names = {"folder": self.folder, "agent": self.agent.url, "server": self.server.url}
        return (LOCAL + "".join(more)).format(**names)

    def write(self, *more, **replaced):
        text = self.text(*more)
        for old, new in replaced.get("instead", {}).items():
            assert old in text
            text = text.replace(old, new)
        self.path.write_text(text)

    @property
    def settings(self):
        return self.following.applier.running

    @property
    def wanted(self):
        return self.following.applier.wanted

    @property
    def record(self):
        return self.kept.record

    @property
    def status(self):
        return self.led.shown[-1] if self.led.shown else None

    async def converse(self):
        self.wake.emit(Woken("test"))
        await until(lambda: self.status == "listening")

    async def sleep(self):
        self.wake.emit(EndRequested())
        await until(lambda: self.status == "asleep")

    @asynccontextmanager
    async def running(self):
        """Run the daemon as a process would, from its start to its end."""
        store = StateStore(self.folder / "state", self.system)
        self.kept = RecordFile(store, self.path)
        self.kept.begin(time.time())
        found = examine_with_by_hand(self.path, by_hand_in(store), catalogue())
        choice = choose(found, self.kept.record, catalogue())
        level = logging.getLogger().level
        set_level(choice.best.settings.log.level)
        socket = self.folder / "control.sock"
        self.following = follow(self.path, choice, self.kept, ComponentCache(), socket)
        self.led.shown.clear()
        extras = Extras(wake_sources=[self.wake], indicators=[self.led], **self.extras)
        runtime = self.runtime = self.following.assemble(extras)
        task = asyncio.create_task(runtime.run())
        await until(lambda: self.status is not None and hasattr(self.wake, "emit"))
        try:
            yield self
            runtime.dispatch(StopRequested())
            await asyncio.wait_for(task, 3)
        finally:
            task.cancel()
            logging.getLogger().setLevel(level)


@asynccontextmanager
async def kiosk(folder, *more, **options):
    """Run a daemon with the settings LOCAL and `more`, a stand-in agent and a settings server."""
    agent_options = {"timing": QUICK, **options}
    async with serve_assemblyai(StandIn(**agent_options)) as agent, settings_server() as server:
        it = Kiosk(folder, agent, server)
        it.write(*more)
        yield it


def assert_the_ramp_has_no_gap(session, lasts_s):
    """Look at a ramp from 0 to 30,000 that was spoken: every sample is there, in order."""
    heard = np.frombuffer(bytes(session.hearing.uplink.heard), "<i2").astype(int)
    climb = heard[np.argmax(heard > 500) : np.argmax(heard > 29_000)]
    assert len(climb) == pytest.approx(28_500 / 30_000 * lasts_s * 24_000, rel=0.001)
    assert np.diff(climb).min() >= -1
    assert np.diff(climb).max() <= 3
