"""A stage for the page: served as the daemon serves it, told whatever a test wants it to show."""

import asyncio
from contextlib import asynccontextmanager

from aiohttp import WSCloseCode, web

from voiced.api.access import HEADERS
from voiced.api.kiosk import KINDS, PAGE

SIGHT = {
    "type": "sight",
    "version": "1.0",
    "name": "kitchen",
    "status": "asleep",
    "phase": "asleep",
    "since": "2026-01-01T00:00:00.000+00:00",
    "muted": False,
    "volume": 70,
    "microphone": None,
    "speaker": None,
    "half_duplex": False,
}
LINES = "[...document.querySelectorAll('#captions li')].map(it => it.lastElementChild.textContent)"
"""What the page shows as said, as an expression in it."""

PHASES = ("asleep", "connecting", "listening", "hearing", "thinking", "speaking")


class Stage:
    """What stands in for the daemon.

    Attributes:
        url: Where the page is.
        locked: Nobody is let in.
        orders: What the page ordered.
        times_opened: How often the page connected.
        settings: Is told to whoever connects, if there is any.
        entering: The HTTP status of the answers to tokens.
        tokens: What was shown.
        awake: While this is not set, no file is served.
    """

    def __init__(self):
        self.url = ""
        self.locked = False
        self.orders, self.tokens = [], []
        self.times_opened = 0
        self.settings = None
        self.entering = 204
        self.awake = asyncio.Event()
        self.awake.set()
        self._sight = dict(SIGHT)
        self._sockets = set()

    async def send(self, **message):
        for socket in [*self._sockets]:
            await socket.send_json(message)

    async def show(self, status, **more):
        """Show a status, in the phase of the same name or asleep."""
        phase = more.pop("phase", status if status in PHASES else "asleep")
        self._sight |= {"status": status, "phase": phase, **more}
        await self.send(**self._sight)

    async def say(self, speaker, text, *, final=True, interrupted=False):
        words = {"speaker": speaker, "text": text}
        await self.send(type="caption", final=final, interrupted=interrupted, **words)

    async def hang_up(self, code=WSCloseCode.GOING_AWAY):
        for socket in [*self._sockets]:
            await socket.close(code=code)

    async def live(self, request):
        self.times_opened += 1
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        if self.locked:
            await socket.close(code=WSCloseCode.POLICY_VIOLATION)
            return socket
        await socket.send_json(self._sight)
        if self.settings is not None:
            await socket.send_json({"type": "settings", **self.settings})
        self._sockets.add(socket)
        async for message in socket:
            self.orders.append(message.json())
        self._sockets.discard(socket)
        return socket

    async def enter(self, request):
        self.tokens.append(await request.text())
        self.locked = self.entering != 204
        return web.Response(status=self.entering, headers=HEADERS)

    async def file(self, request):
        await self.awake.wait()
        path = PAGE / (request.match_info["name"] or "index.html")
        return web.Response(
            body=path.read_bytes(),
            content_type=KINDS[path.suffix],
            headers=HEADERS,
            charset="utf-8",
        )


@asynccontextmanager
async def stage():
    """Serve the page on a port of its own."""
    it = Stage()
    application = web.Application()
    application.router.add_get("/live", it.live)
    application.router.add_post("/enter", it.enter)
    application.router.add_get("/{name:[a-z.]*}", it.file)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        it.url = f"http://127.0.0.1:{site.port}/"
        yield it
    finally:
        await it.hang_up()
        await asyncio.wait_for(runner.cleanup(), 5)
