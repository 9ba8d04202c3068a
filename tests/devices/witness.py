"""Looking at a process from outside: the files it touches, its children, its connections, and what it tells its agent."""

import asyncio
import json
import socket
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from asyncinotify import Inotify, Mask
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

LISTENING = "0A"
FAULTS_OF_CHILDREN = 10
"""Which number of /proc/PID/stat counts the page faults of children that are gone: every program has some."""


class Witness:
    """Watches one process.

    Args:
        pid: Its number.
        folder: Where it has nothing to do.
        ports: Where it may be connected to.
    """

    def __init__(self, pid: int, folder: Path, ports: set[int]) -> None:
        self._proc = Path(f"/proc/{pid}")
        self._ports = ports
        self._files = Inotify(sync_timeout=0)
        self._files.add_watch(
            folder, Mask.ACCESS | Mask.MODIFY | Mask.OPEN | Mask.CREATE | Mask.DELETE | Mask.ATTRIB
        )
        self._faults = self._faults_of_children()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._files.close()

    def seen(self) -> list[str]:
        """Return what was seen since the last look."""
        found = [f"touched {event.path}" for event in iter(self._files.sync_get, None)]
        if children := self._children():
            found.append(f"has the children {children}")
        if self._faults != (now := self._faults_of_children()):
            found.append("started a program")
            self._faults = now
        return found + self._sockets()

    def _children(self) -> str:
        return "".join(each.read_text() for each in (self._proc / "task").glob("*/children"))

    def _faults_of_children(self) -> int:
        after_name = (self._proc / "stat").read_text().rpartition(")")[2].split()
        return int(after_name[FAULTS_OF_CHILDREN - 2])

    def _sockets(self) -> list[str]:
        own = set()
        for each in (self._proc / "fd").iterdir():
            with suppress(FileNotFoundError):  # closed meanwhile
                own.add(str(each.readlink()))
        found = []
        for table in ("tcp", "tcp6", "udp", "udp6"):
            for line in (self._proc / "net" / table).read_text().splitlines()[1:]:
                local, remote, state, inode = (line.split()[i] for i in (1, 2, 3, 9))
                if f"socket:[{inode}]" not in own:
                    continue
                if state == LISTENING or table.startswith("udp"):
                    found.append(f"listens at {table} {int(local.rpartition(':')[2], 16)}")
                elif int(remote.rpartition(":")[2], 16) not in self._ports:
                    found.append(f"is connected to {table} {int(remote.rpartition(':')[2], 16)}")
        return found


class Callers:
    """Counts who calls at an address and at a socket where nobody should."""

    def __init__(self, path: Path) -> None:
        self.n_calls = 0
        self._listeners = [socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_UNIX)]
        self._listeners[1].bind(str(path))
        self._listeners[1].listen()
        self.port: int = self._listeners[0].getsockname()[1]
        for each in self._listeners:
            each.setblocking(False)

    def count(self) -> int:
        """Return how many called."""
        for each in self._listeners:
            try:
                while True:
                    each.accept()[0].close()
                    self.n_calls += 1
            except BlockingIOError:
                pass
        return self.n_calls

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for each in self._listeners:
            each.close()


class Overheard:
    """Everything that a client told an agent, sound aside.

    Attributes:
        url: Where the client reaches the agent.
        port: The port of that.
        messages: What it said.
        heads: What it asked for when it connected: path and headers.
    """

    def __init__(self) -> None:
        self.url, self.port = "", 0
        self.messages: list[dict] = []
        self.heads: list[str] = []

    def sessions(self):
        """Return the session objects that were sent."""
        return [
            each.get("session") or {} for each in self.messages if each["type"] == "session.update"
        ]

    async def carry(self, client, agent_url):
        headers = {"Authorization": client.request.headers.get("Authorization", "")}
        self.heads.append(f"{client.request.path} {dict(client.request.headers.raw_items())}")
        async with connect(agent_url, additional_headers=headers, compression=None) as agent:

            async def back():
                try:
                    async for message in agent:
                        await client.send(message)
                except ConnectionClosed:
                    pass
                await client.close(agent.close_code or 1000)

            answering = asyncio.create_task(back())
            try:
                async for message in client:
                    body = json.loads(message)
                    if body["type"] != "input.audio":
                        self.messages.append(body)
                    await agent.send(message)
            except ConnectionClosed:
                pass
            answering.cancel()


@asynccontextmanager
async def overheard(agent_url):
    """Stand between a client and an agent."""
    it = Overheard()

    async def carry(client):
        await it.carry(client, agent_url)

    async with serve(carry, "127.0.0.1", 0, compression=None, close_timeout=1) as server:
        it.port = server.sockets[0].getsockname()[1]
        it.url = f"ws://127.0.0.1:{it.port}/v1/ws"
        yield it


def files_in(folder: Path) -> set[str]:
    """Return the names of the files below `folder`."""
    return {str(each.relative_to(folder)) for each in folder.rglob("*")}
