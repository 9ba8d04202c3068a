"""The page for a screen, over real sockets: what it is served, shown and lets do."""

import asyncio

import aiohttp
import pytest

from tests.whole import until
from tests.wire.screen import Live, screen

pytestmark = pytest.mark.real_time


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
        await until(lambda: page.states[-1]["volume"] == 15)
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
        ({"Host": "evil.test:PORT"}, 421),
        ({"Host": "127.0.0.1:80"}, 421),
        ({"Host": "127.0.0.1:port"}, 400),
        ({"Origin": "http://evil.test"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Origin": "http://127.0.0.1:PORT"}, 200),
        ({"Host": "localhost:PORT"}, 200),
    ],
)
async def test_requests_that_are_not_from_our_own_page_are_refused(
    tmp_path, monkeypatch, headers, status
):
    async with screen(tmp_path, monkeypatch) as (it, browser):
        headers = {name: value.replace("PORT", str(it.port)) for name, value in headers.items()}
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
        it.write(it.page)
        await until(lambda: it.settings.kiosk is not None)
        await asyncio.sleep(0.3)
        assert (await browser.get("/")).status == 200
