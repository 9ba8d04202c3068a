"""A client paired with a stand-in in memory, for tests on the jumping clock."""

import asyncio
import base64
import json
from contextlib import asynccontextmanager

import numpy as np

from agentsim.assemblyai.service import Service
from agentsim.assemblyai.settings import Settings
from agentsim.faults import Faults
from agentsim.scenario import read
from agentsim.understanding import Scripted


class Paired:
    """One client connection; notes every message with its time."""

    def __init__(self, service, connection):
        self.service = service
        self.connection = connection
        self.events = []
        self.raw = []
        self.times = []
        self.finished = asyncio.Event()

    async def read(self):
        async for message in self.connection:
            self.raw.append(message)
            self.times.append(asyncio.get_running_loop().time())
            try:
                self.events.append(json.loads(message))
            except ValueError:
                self.events.append({"type": "?"})
        self.finished.set()

    def send(self, kind, **fields):
        self.connection.receive(json.dumps({"type": kind, **fields}))

    def hear(self, payload):
        self.send("input.audio", audio=base64.b64encode(payload).decode())

    async def speak(self, seconds, amplitude=6000, rate_hz=24_000):
        """Send noise (or silence) in real time."""
        dice = np.random.default_rng(1)
        for _ in range(round(seconds / 0.02)):
            samples = dice.normal(0, amplitude, rate_hz // 50) if amplitude else np.zeros(480)
            self.hear(np.clip(samples, -32768, 32767).astype("<i2").tobytes())
            await asyncio.sleep(0.02)

    def kinds(self, *, audio=False):
        return [each["type"] for each in self.events if audio or each["type"] != "reply.audio"]

    def find(self, kind):
        return [each for each in self.events if each["type"] == kind]

    def last(self, kind):
        return self.find(kind)[-1]

    def time_of(self, kind, index=0):
        return [
            at for at, each in zip(self.times, self.events, strict=True) if each["type"] == kind
        ][index]

    @property
    def session(self):
        return self.connection.session

    @property
    def audio(self):
        return b"".join(base64.b64decode(each["data"]) for each in self.find("reply.audio"))


@asynccontextmanager
async def paired(session=None, *, scenario=None, faults=(), hears=(), ready=True, **settings):
    """A stand-in with one client that has sent its first update, if `session` is not False."""
    chosen = Settings.of(read(scenario or {}, "test"), faults=Faults(faults), **settings)
    if hears:
        chosen.understanding = Scripted(hears)
    service = Service(chosen)
    async with asyncio.TaskGroup() as tasks:

        def join(connection=None):
            client = Paired(service, connection or service.connect())
            tasks.create_task(client.read())
            return client

        client = join()
        client.join = join
        if session is not False:
            client.send("session.update", session=session or {})
            if ready:
                await asyncio.sleep(1)
        try:
            yield client
        finally:
            service.close()
