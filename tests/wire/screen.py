"""The page for a screen, served by a daemon, and a browser's connections to it."""

import asyncio
import json
from contextlib import asynccontextmanager

import aiohttp

from tests.ports import free_port
from tests.whole import until
from tests.wire.afar import kiosk

PAGE = "kiosk: {{{{listen: '127.0.0.1:{port}'}}}}\n"


@asynccontextmanager
async def screen(folder, monkeypatch, page=PAGE):
    """A daemon with a page, and a browser's connections to it.

    Yields both; the daemon's `port` is where its page is, `here` that page's address.
    """
    monkeypatch.setenv("STATE_DIRECTORY", str(folder / "state"))
    port = free_port()
    here, jar = f"http://127.0.0.1:{port}", aiohttp.CookieJar(unsafe=True)
    async with kiosk(folder) as it, aiohttp.ClientSession(here, cookie_jar=jar) as browser:
        it.port, it.here, it.page = port, here, page.format(port=port)
        it.write(it.page)
        async with it.running():
            for _ in range(100):
                try:
                    await browser.get("/")
                    break
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.05)
            yield it, browser


class Live:
    """What a page sees."""

    def __init__(self, socket):
        self.socket = socket
        self.states, self.captions, self.settings, self.problems = [], [], [], []
        self.kept = 0
        self._reading = asyncio.create_task(self._read())

    async def _read(self):
        async for message in self.socket:
            body = json.loads(message.data)
            match body["type"]:
                case "kept":
                    self.kept += 1
                case "problem":
                    self.problems.append(body["text"])
                case "sight" | "caption" | "settings" as kind:
                    kinds = {"sight": self.states, "caption": self.captions}
                    kinds.get(kind, self.settings).append(body)

    async def order(self, what, **more):
        await self.socket.send_json({"do": what, **more})

    async def status(self, wanted):
        await until(lambda: self.states and self.states[-1]["status"] == wanted, within_s=10)
