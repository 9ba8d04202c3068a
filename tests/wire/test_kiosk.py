"""The page for a screen, over real sockets: what it is served, shown and lets do."""

import asyncio
import json
from contextlib import asynccontextmanager

import aiohttp
import pytest

from tests.whole import until
from tests.wire.afar import kiosk

pytestmark = pytest.mark.real_time

PORT = 18_471
HERE = f"http://127.0.0.1:{PORT}"
PAGE = f"kiosk: {{{{listen: '127.0.0.1:{PORT}'}}}}\n"


@asynccontextmanager
async def screen(folder, monkeypatch, page=PAGE):
    """A daemon with a page, and a browser's connections to it."""
    monkeypatch.setenv("STATE_DIRECTORY", str(folder / "state"))
    async with (
        kiosk(folder) as it,
        aiohttp.ClientSession(HERE, cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser,
    ):
        it.write(page)
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
        self.sights, self.captions, self.settings, self.problems = [], [], [], []
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
                    kinds = {"sight": self.sights, "caption": self.captions}
                    kinds.get(kind, self.settings).append(body)

    async def order(self, what, **more):
        await self.socket.send_json({"do": what, **more})

    async def status(self, wanted):
        await until(lambda: self.sights and self.sights[-1]["status"] == wanted, within_s=10)


async def test_a_whole_conversation_is_seen_and_steered(tmp_path, monkeypatch):
    async with (
        screen(tmp_path, monkeypatch) as (it, browser),
        browser.ws_connect("/live") as socket,
    ):
        page = Live(socket)
        await page.status("asleep")
        await page.order("talk")
        await page.status("listening")
        it.agent.service.sessions[-1].say("the weather is fine today")
        await page.status("speaking")
        await page.status("listening")
        await until(lambda: page.captions and page.captions[-1]["final"])
        assert page.captions[-1]["text"] == "the weather is fine today"
        assert page.captions[-1]["speaker"] == "agent"
        await page.order("mute")
        await page.status("muted")
        await page.order("volume", to=15)
        await until(lambda: it.runtime.volume == 15)
        await until(lambda: page.sights[-1]["volume"] == 15)
        await page.order("mute")
        await page.order("talk")
        await page.status("asleep")


async def test_the_files_of_the_page_are_served_and_nothing_else(tmp_path, monkeypatch):
    async with screen(tmp_path, monkeypatch) as (_, browser):
        for name, kind in (
            ("/", "text/html"),
            ("/page.css", "text/css"),
            ("/page.js", "text/javascript"),
            ("/signs.svg", "image/svg+xml"),
        ):
            answer = await browser.get(name)
            assert (answer.status, answer.content_type) == (200, kind)
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            again = await browser.get(name, headers={"If-None-Match": answer.headers["ETag"]})
            assert again.status == 304
        for name in (
            "/../service.py",
            "/%2e%2e/service.py",
            "/page.css/",
            "/kiosk.py",
            "/.git",
            "/%2f",
        ):
            assert (await browser.get(name)).status in (404, 400)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.test"}, 421),
        ({"Host": f"evil.test:{PORT}"}, 421),
        ({"Host": "127.0.0.1:80"}, 421),
        ({"Host": "127.0.0.1:port"}, 421),
        ({"Origin": "http://evil.test"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": f"http://127.0.0.1:{PORT + 1}"}, 403),
        ({"Origin": HERE}, 200),
        ({"Host": f"localhost:{PORT}"}, 200),
    ],
)
async def test_requests_that_are_not_from_our_own_page_are_refused(
    tmp_path, monkeypatch, headers, status
):
    async with screen(tmp_path, monkeypatch) as (_, browser):
        assert (await browser.get("/", headers=headers)).status == status
        if status == 200:
            return
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await browser.ws_connect("/live", headers=headers)
        assert refused.value.status == status


@pytest.mark.parametrize(
    "rubbish",
    [
        "{",
        "[]",
        "7",
        '{"do": 7}',
        '{"do": "format"}',
        '{"do": "volume"}',
        '{"do": "volume", "to": []}',
        '{"do": "volume", "to": 101}',
    ],
)
async def test_orders_that_cannot_be_obeyed_are_answered(tmp_path, monkeypatch, rubbish):
    async with (
        screen(tmp_path, monkeypatch) as (it, browser),
        browser.ws_connect("/live") as socket,
    ):
        assert (await socket.receive_json())["type"] == "sight"
        await socket.send_str(rubbish)
        assert (await socket.receive_json())["type"] == "problem"
        await socket.send_json({"do": "volume", "to": 5})
        assert (await socket.receive_json())["volume"] == 5
        assert it.runtime.volume == 5


async def test_whoever_gives_too_many_orders_is_sent_away(tmp_path, monkeypatch):
    async with screen(tmp_path, monkeypatch) as (_, browser), browser.ws_connect("/live") as socket:
        for number in range(100):
            await socket.send_json({"do": "volume", "to": number})
        closed = [message async for message in socket]
        assert socket.close_code == 1008
        assert len(closed) < 60


async def test_the_page_comes_and_goes_with_its_section(tmp_path, monkeypatch):
    async with screen(tmp_path, monkeypatch) as (it, browser):
        it.write()
        await until(lambda: it.settings.kiosk is None)
        await asyncio.sleep(0.1)
        with pytest.raises(aiohttp.ClientConnectionError):
            await browser.get("/")
        it.write(PAGE)
        await until(lambda: it.settings.kiosk is not None)
        await asyncio.sleep(0.3)
        assert (await browser.get("/")).status == 200
