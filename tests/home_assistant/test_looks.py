"""A device's page in a real Home Assistant, in a real browser; the picture is kept for whoever wants to look."""

import asyncio
import json
import os
from pathlib import Path

import pytest

from tests.browser.chromium import browser, tab
from tests.home_assistant.home import device, shows

pytestmark = pytest.mark.real_time

TEXTS = """(() => {
    const texts = [];
    const look = (node) => {
        if (node.nodeType === Node.TEXT_NODE) texts.push(node.textContent.trim());
        if (node.shadowRoot) look(node.shadowRoot);
        if (node.tagName !== 'STYLE' && node.tagName !== 'SCRIPT') node.childNodes.forEach(look);
    };
    look(document.body);
    return texts.filter(Boolean).join('|');
})()"""
"""All that is shown, also within Home Assistant's own elements."""

CONFIRM = """(() => {
    const find = (node) => {
        if (node.nodeType === Node.ELEMENT_NODE && node.textContent.trim() === 'Confirm'
            && node.tagName.endsWith('BUTTON')) node.click();
        if (node.shadowRoot) find(node.shadowRoot);
        node.childNodes.forEach(find);
    };
    find(document.body);
})()"""


async def test_the_page_of_a_device_shows_all_of_it(at_home, tmp_path):
    async with at_home() as it, device(it, it.mqtt(), "tools: [set_timer]\n"):
        await shows(it, "status", "asleep")
        [about] = (await it.home.devices()).values()
        tokens = {
            "access_token": it.home.token,
            "token_type": "Bearer",
            "refresh_token": "",
            "expires_in": 10**6,
            "expires": 10**13,
            "hassUrl": it.home.url,
            "clientId": f"{it.home.url}/",
        }
        with browser(tmp_path / "profile") as address:
            async with tab(address, 1400, 1100) as page:
                await page.open(f"{it.home.url}/manifest.json")
                kept = json.dumps(json.dumps(tokens))
                await page.ask(f"localStorage.setItem('hassTokens', {kept})")
                await page.open(f"{it.home.url}/config/devices/device/{about['id']}")
                async with asyncio.timeout(60):
                    while "Words to say" not in (seen := await page.ask(TEXTS)):
                        await asyncio.sleep(0.5)
                if it.home.is_new:  # it asks whether the port that we have set is to stay
                    await page.ask(CONFIRM)
                await asyncio.sleep(1)
                place = Path(os.environ.get("VOICED_PICTURES", tmp_path))
                await page.picture(place / f"home-assistant-{it.home.version}.png")
        for text in (
            "kitchen",
            "Mute",
            "Volume",
            "Talk",
            "Status",
            "Next alarm",
            "Problem",
            "asleep",
        ):
            assert text.lower() in seen.lower()
