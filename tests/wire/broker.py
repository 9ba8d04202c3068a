"""A real mosquitto on loopback, somebody else who is connected to it, and what is left behind."""

import asyncio
import gc
import getpass
import json
import signal
import socket
import subprocess
import tracemalloc
from contextlib import asynccontextmanager
from pathlib import Path

import aiomqtt

from tests.whole import until

HERE = "127.0.0.1"


class Broker:
    """A mosquitto that keeps nothing when it ends, as one without persistence does.

    Args:
        folder: Where its files are.
        port: Where it listens.
        certificate: The name of a certificate in the folder of `authority`, for TLS.
        users: Passwords by name; without any, everybody is let in.
        lines: More of its settings.
    """

    def __init__(self, folder, port, *, authority=None, certificate=None, users=None, lines=()):
        self.port, self._path, self._process = port, folder / "mosquitto.conf", None
        more, lines = (
            lines,
            [
                f"listener {port} {HERE}",
                f"user {getpass.getuser()}",
                f"allow_anonymous {'false' if users else 'true'}",
                "persistence false",
                "log_dest none",
            ],
        )
        if certificate:
            lines += [
                f"certfile {authority.folder / f'{certificate}.pem'}",
                f"keyfile {authority.folder / f'{certificate}.key'}",
            ]
        if users:
            self._passwords = folder / "passwords"
            self._passwords.write_text("")
            self.admit(**users)
            lines.append(f"password_file {self._passwords}")
        lines += more
        self._path.write_text("\n".join(lines) + "\n")

    def admit(self, **users):
        """Let users in by these passwords, from the next start on."""
        for name, password in users.items():
            subprocess.run(["mosquitto_passwd", "-b", self._passwords, name, password], check=True)

    async def start(self):
        self._process = begin("mosquitto", "-c", self._path)
        await until(lambda: self.listens, within_s=10)

    @property
    def listens(self):
        with socket.socket() as probe:
            return probe.connect_ex((HERE, self.port)) == 0

    def kill(self):
        """End it without a word."""
        self._process.kill()
        self._process.wait()

    def pause(self):
        """Let it hang: it takes connections and answers nothing."""
        self._process.send_signal(signal.SIGSTOP)


def begin(*command, **options):
    """Start a process that nobody reads."""
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options
    )


@asynccontextmanager
async def broker(folder, port, **options):
    it = Broker(folder, port, **options)
    await it.start()
    try:
        yield it
    finally:
        it.kill()


class Home:
    """A client that sees everything there is, as Home Assistant does."""

    def __init__(self, client):
        self._client = client
        self.seen = {}
        self.kept = {}
        self.count = 0
        self.heard = None

    async def listen(self):
        async for message in self._client.messages:
            text = message.payload.decode()
            self.count += 1
            self.seen[message.topic.value] = text
            if self.heard is not None and message.topic.value.endswith("/event"):
                self.heard(json.loads(text))
            if message.retain:
                self.kept[message.topic.value] = text

    def state(self, name="kitchen", prefix="voiced"):
        text = self.seen.get(f"{prefix}/{name}/state")
        return json.loads(text) if text else {}

    def availability(self, name="kitchen", prefix="voiced"):
        return self.seen.get(f"{prefix}/{name}/availability")

    async def tell(self, order, payload=None, *, retain=False, name="kitchen"):
        await self._client.publish(f"voiced/{name}/set/{order}", payload, 1, retain=retain)

    async def publish(self, topic, payload):
        await self._client.publish(topic, payload, 1)

    async def keep(self, topic, payload):
        await self._client.publish(topic, payload, 1, retain=True)


@asynccontextmanager
async def home(port, **options):
    """Be connected to the broker, and see what it kept and what it gets."""
    async with aiomqtt.Client(HERE, port, timeout=5, **options) as client:
        await client.subscribe("#", 1)
        it = Home(client)
        listening = asyncio.create_task(it.listen())
        try:
            yield it
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


async def packet(reader):
    """Return the body of an MQTT packet of less than 16 KiB."""
    return (await whole_packet(reader))[1]


async def whole_packet(reader):
    """Return the first byte and the body of an MQTT packet of less than 16 KiB."""
    first, length = await reader.readexactly(2)
    if length & 0x80:
        [more] = await reader.readexactly(1)
        length = (length & 0x7F) + more * 0x80
    return first, await reader.readexactly(length)


def used_kib():
    """Return the memory in use; the doubles of this suite and pytest's log write down what they hear."""
    gc.collect()
    writing = ("*/tests/*", "*/_pytest/*", "*/logging/__init__.py")
    left = tracemalloc.take_snapshot().filter_traces(
        [tracemalloc.Filter(inclusive=False, filename_pattern=each) for each in writing]
    )
    return sum(each.size for each in left.statistics("filename")) / 1024


def open_files():
    return sum(1 for _ in Path("/proc/self/fd").iterdir())
