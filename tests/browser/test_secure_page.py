"""The page over TLS in a real browser: with a certificate of its own, and behind a proxy."""

import ssl
from contextlib import asynccontextmanager

import aiohttp
import pytest

from tests.browser.chromium import tab
from tests.browser.stage import LINES
from tests.ports import free_port
from tests.whole import until
from tests.wire.afar import kiosk
from tests.wire.certificates import Authority
from tests.wire.tls_proxy import web_proxy

pytestmark = pytest.mark.real_time

SAID = "the weather is fine today"


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority.found(tmp_path_factory.mktemp("authority"))


@asynccontextmanager
async def secure(folder, chromium, section):
    """A daemon with a page, and a tab that takes any certificate."""
    async with kiosk(folder) as it, tab(chromium) as page:
        it.port = free_port()
        it.write(f"kiosk: {{{{listen: '127.0.0.1:{it.port}', {section}}}}}\n")
        async with it.running():
            await page.do("Security.enable")
            await page.do("Security.setIgnoreCertificateErrors", ignore=True)
            async with aiohttp.ClientSession() as visitor:
                await until_served(visitor, f"http://127.0.0.1:{it.port}/")
            yield it, page


async def until_served(visitor, url):
    for _ in range(1000):
        try:
            await visitor.get(url)
        except aiohttp.ClientConnectionError:
            await until(lambda: True)
        else:
            return
    raise AssertionError(url)


def token(folder):
    return (folder / "state" / "kiosk.token").read_text().strip()


async def say(it, page):
    it.agent.service.sessions[-1].say(SAID)
    await page.status("speaking")
    await page.status("listening")


async def test_a_link_opens_the_page_over_tls_and_own_screens_need_neither(
    tmp_path, chromium, authority
):
    authority.serving("page")
    files = f"certificate: {authority.folder}/page.pem, key: {authority.folder}/page.key"
    async with secure(tmp_path, chromium, files) as (it, page), tab(chromium) as own:
        await own.open(f"http://127.0.0.1:{it.port}/")
        await own.status("asleep")
        await page.open(f"https://127.0.0.1:{it.port}/")
        await page.status("asleep")
        assert await page.ask("isSecureContext && location.protocol") == "https:"
        await page.touch("#talk")
        await page.status("listening")
        await own.status("listening")
        await say(it, page)
        await page.until(f"{LINES}.at(-1) === '{SAID}'")
        assert [url for url in page.requested if not url.startswith(("https://", "wss://"))] == []
        assert page.complaints == []


async def test_behind_a_proxy_on_this_device_the_link_is_needed_and_captions_stay_here(
    tmp_path, chromium, authority
):
    tls: ssl.SSLContext = authority.serving("proxy")
    section = "names: [kiosk.test], trusted_proxy: [127.0.0.2]"
    added = ("X-Forwarded-For: {visitor}", "X-Forwarded-Proto: https")
    async with (
        secure(tmp_path, chromium, section) as (it, page),
        web_proxy(it.port, *added, tls=tls, address="127.0.0.2") as proxy,
        tab(chromium) as own,
    ):
        url = f"https://127.0.0.1:{proxy.port}/"
        await own.open(f"http://127.0.0.1:{it.port}/")
        await own.status("asleep")
        await page.open(url)
        await page.status("refused")
        await page.open(f"{url}#{token(tmp_path)}")
        await page.status("asleep")
        cookies = (await page.do("Network.getCookies"))["cookies"]
        assert [(it["name"], it["secure"], it["httpOnly"]) for it in cookies] == [
            ("voiced", True, True)
        ]
        await page.touch("#talk")
        await page.status("listening")
        await say(it, page)
        await own.until(f"{LINES}.at(-1) === '{SAID}'")
        assert await page.ask(LINES) == []
