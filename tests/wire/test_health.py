"""Health and figures, scraped over a real socket from a daemon that talks."""

import asyncio
import re
import shutil
import subprocess
import time
from contextlib import asynccontextmanager

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.house.repository import ROOT
from tests.ports import free_port
from tests.whole import until
from tests.wire.afar import kiosk

pytestmark = pytest.mark.real_time

OPEN = "metrics: {{listen: '127.0.0.1:PORT'}}\n"


@asynccontextmanager
async def monitored(folder, *more, **options):
    port = free_port()
    async with (
        kiosk(folder, **options) as it,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as browser,
    ):
        it.write(*(text.replace("PORT", str(port)) for text in more or (OPEN,)))
        async with it.running():
            for _ in range(100):
                try:
                    await browser.get("/healthz")
                    break
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.05)
            yield it, browser


def figures(text):
    """Return every sample by name and labels."""
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_a_scrape_of_a_daemon_that_has_talked_passes_the_linter_and_tells_all(tmp_path):
    async with monitored(tmp_path) as (it, browser):
        await it.converse()
        it.agent.service.sessions[-1].say("the weather is fine today")
        await until(lambda: it.status == "speaking")
        await until(lambda: it.status == "listening")
        answer = await browser.get("/metrics")
        text = await answer.text()
        assert answer.status == 200
        assert answer.content_type == "text/plain"
        found = figures(text)
        assert found["voiced_status", "listening"] == 1
        assert found["voiced_status", "asleep"] == 0
        assert found["voiced_links_total", "fresh"] == 1
        assert found["voiced_captured_periods_total",] > 10
        assert found["voiced_playback_underruns_total",] == 0
        assert "weather" not in text
        assert "You are" not in text
        promtool = shutil.which("promtool")
        assert promtool is not None, "install prometheus"
        judged = await asyncio.to_thread(
            subprocess.run,
            [promtool, "check", "metrics"],
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (judged.returncode, judged.stdout, judged.stderr) == (0, "", "")


async def test_a_scrape_costs_little(tmp_path, measured):
    async with monitored(tmp_path) as (it, browser):
        await it.converse()
        await (await browser.get("/metrics")).text()
        began_s, times = time.process_time(), 50
        for _ in range(times):
            await (await browser.get("/metrics")).text()
        both_s = (time.process_time() - began_s) / times
        metrics = it.following.services.observers._observers[-1]
        began_s = time.thread_time()
        for _ in range(times):
            metrics.text()
        monitor_s = (time.thread_time() - began_s) / times
        measured(
            f"a scrape: {monitor_s * 1000:.2f} ms of CPU to write the figures, "
            f"{both_s * 1000:.2f} ms with both ends of HTTP and a conversation"
        )


async def test_health_says_whether_the_device_does_what_it_is_there_for(tmp_path):
    async with monitored(tmp_path) as (it, browser):
        answer = await browser.get("/healthz")
        assert answer.status == 200
        shown = await answer.json()
        assert (shown["healthy"], shown["status"]) == (True, "asleep")
        it.microphone.unplug()
        await until(lambda: it.status == "no-microphone")
        answer = await browser.get("/healthz")
        assert answer.status == 503
        assert (await answer.json())["status"] == "no-microphone"


@pytest.mark.parametrize(
    ("shown", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": "Basic secret-word"}, 401),
        ({"Authorization": "Bearer secret-word"}, 200),
    ],
)
async def test_with_a_token_only_who_shows_it_is_answered(tmp_path, shown, status):
    (tmp_path / "token").write_text("secret-word\n")
    (tmp_path / "token").chmod(0o600)
    asked = f"metrics: {{{{listen: '127.0.0.1:PORT', token: {{{{file: {tmp_path}/token}}}}}}}}\n"
    async with monitored(tmp_path, asked) as (_, browser):
        for path in ("/metrics", "/healthz"):
            assert (await browser.get(path, headers=shown)).status == status


async def test_a_foreign_page_reads_no_figures(tmp_path):
    async with monitored(tmp_path) as (_, browser):
        assert (await browser.get("/metrics", headers={"Origin": "http://x.test"})).status == 403
        assert (await browser.get("/metrics", headers={"Host": "x.test"})).status == 421
        assert (await browser.get("/else")).status == 404
        assert (await browser.post("/metrics")).status == 405


async def test_the_dashboard_asks_for_figures_that_there_are(tmp_path):
    board = (ROOT / "config" / "examples" / "grafana.json").read_text()
    asked = set(re.findall(r"voiced_[a-z_]+", board))
    assert len(asked) > 15
    async with monitored(tmp_path) as (it, browser):
        await it.converse()
        families = text_string_to_metric_families(await (await browser.get("/metrics")).text())
        there = {sample for family in families for sample in (family.name, *_names(family))}
    # These three depend on the board, on systemd and on a server of settings.
    there |= {"voiced_temperature_celsius", "voiced_throttled", "voiced_watchdog_margin_seconds"}
    there |= {"voiced_settings_revision", "voiced_tool_calls_total"}
    assert asked <= there


def _names(family):
    return {sample.name for sample in family.samples}
