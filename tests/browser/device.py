"""A daemon with a page, and a tab that shows it."""

from contextlib import asynccontextmanager

import aiohttp

from tests.browser.chromium import tab
from tests.ports import free_port
from tests.whole import until
from tests.wire.afar import kiosk


async def is_served(url):
    """Wait until there is a page."""
    async with aiohttp.ClientSession() as visitor:

        async def answers():
            try:
                return (await visitor.get(url)).status == 200
            except aiohttp.ClientConnectionError:
                return False

        while not await answers():
            await until(lambda: True)


@asynccontextmanager
async def device(folder, chromium):
    """Yield a daemon that runs and a tab with its page, asleep."""
    async with kiosk(folder) as it:
        port = free_port()
        it.page_url = f"http://127.0.0.1:{port}/"
        it.write(f"kiosk: {{{{listen: '127.0.0.1:{port}', settings: true}}}}\n")
        async with it.running(), tab(chromium) as page:
            await is_served(it.page_url)
            await page.open(it.page_url)
            await page.status("asleep")
            yield it, page
