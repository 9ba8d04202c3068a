"""MCP servers for tests, and a daemon's side of the connection to them."""

import asyncio
import os
import signal
import socket
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import aiohttp

from tests.whole import until
from voiced.errors import ToolError
from voiced.lib.backoff import Backoff
from voiced.tools.mcp.server import McpServer
from voiced.tools.mcp.spec import Server
from voiced.tools.mcp.worker_thread import WorkerThread

ROOT = Path(__file__).parents[2]
LIAR = ROOT / "tests" / "wire" / "mcp_liar.py"
QUICK = Backoff(0.1, 0.4, 30.0)
JOINS_WITHIN_S = 40.0
"""A server's program, and we, import the SDK first: seconds of CPU, which a full machine gives to others before."""
REAL = (sys.executable, "-m", "tests.wire.mcp_server")
PATHS = {"PYTHONPATH": str(ROOT)}
TOKEN = "hunter2-" * 4
TOOLS = {
    "add",
    "lamp",
    "slow",
    "picture",
    "surroundings",
    "huge",
    "many",
    "identity",
    "along",
    "move",
    "grow",
}


def program(*words, environment=None, **options):
    """Return the real server as a program, or what `words` run."""
    environment = {**PATHS, **(environment or {})}
    command = words or REAL
    return Server("home", command=command, environment=lambda: environment, **options)


def liar(*words, **options):
    return program(sys.executable, str(LIAR), *words, **options)


@asynccontextmanager
async def joined(server, waits=QUICK, within_s=JOINS_WITHIN_S, *, wait=True):
    """Stay connected to `server`; `it.tools` are by the server's own names."""
    it = SimpleNamespace(changes=0)

    def changed():
        it.changes += 1

    it.side = McpServer(server, WorkerThread(), changed, waits)
    it.running = asyncio.create_task(it.side.run())

    async def call(tool, /, **arguments):
        return await it.side.tools[f"home_{tool}"].call(arguments, None)

    async def found_again():
        async with asyncio.timeout(within_s):
            while True:
                try:
                    return await call("add", a=1, b=1)
                except ToolError:
                    await asyncio.sleep(0.05)

    it.call, it.found_again = call, found_again
    try:
        if wait:
            async with asyncio.timeout(within_s):
                await it.side.reached.wait()
        yield it
    finally:
        it.running.cancel()
        await asyncio.wait([it.running])


class WebServer:
    """The real server at an address."""

    def __init__(self, port, *words):
        self.port, self._words, self._process = port, words, None
        self.url = f"http://127.0.0.1:{port}/mcp"

    async def start(self):
        self._process = await asyncio.create_subprocess_exec(
            *REAL, str(self.port), *self._words, cwd=ROOT, stderr=asyncio.subprocess.DEVNULL
        )
        await until(lambda: _listens(self.port), JOINS_WITHIN_S)

    async def n_refused(self):
        """Return how many requests were answered 401."""
        async with (
            aiohttp.ClientSession() as web,
            web.get(f"http://127.0.0.1:{self.port}/refused") as answer,
        ):
            return int(await answer.text())

    async def kill(self):
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
            self._process = None


def _listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@asynccontextmanager
async def web_server(port, *words):
    it = WebServer(port, *words)
    await it.start()
    try:
        yield it
    finally:
        await it.kill()


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (
        FileNotFoundError,
        ProcessLookupError,
    ):  # gone before it was opened, or before it was read
        return False


def kill(pid):
    os.kill(pid, signal.SIGKILL)
