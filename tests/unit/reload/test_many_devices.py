"""Ten thousand devices and one server of settings, on the jumping clock: never in step."""

import asyncio
import random
from collections import Counter

import pytest

from voiced.agents.codec import HttpAnswer
from voiced.config.history import Record, Sent
from voiced.config.schema_services import RemoteSection
from voiced.errors import LinkError
from voiced.reload.remote import RemoteSettings

DEVICES = 10_000
INTERVAL_S = 300
SETTINGS = HttpAnswer(200, b"revision: 2\n", {"etag": '"2"'})


class Server:
    """Counts what it is asked, second by second."""

    def __init__(self):
        self.asked = Counter()
        self.is_up = True

    async def __call__(self, call):
        self.asked[int(asyncio.get_running_loop().time())] += 1
        if not self.is_up:
            raise LinkError("the server is down")
        return HttpAnswer(304) if call.headers.get("If-None-Match") == '"2"' else SETTINGS

    def between(self, begin_s, end_s, window_s=10):
        """Return the mean per second, and the most in any window, per second."""
        counts = [self.asked[second] for second in range(begin_s, end_s)]
        windows = [
            sum(counts[at : at + window_s]) / window_s for at in range(0, len(counts), window_s)
        ]
        return sum(counts) / len(counts), max(windows)


class Device:
    device_name = "kiosk"
    remote = RemoteSection(url="https://config.test/x", interval_s=INTERVAL_S)
    record = Record(good=Sent("revision: 1\n", 1))

    async def take(self, received):
        pass


async def fleet_of(server, size=DEVICES):
    """Switch on that many devices in the same moment; return what runs."""
    uniform = random.Random(11).uniform
    device = Device()
    all_of_them = [RemoteSettings(device, lambda _: server, uniform=uniform) for _ in range(size)]
    return [asyncio.create_task(each.run()) for each in all_of_them]


async def switched_off(tasks):
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_power_that_comes_back_for_all_at_once_is_not_felt_by_the_server(measured):
    server = Server()
    tasks = await fleet_of(server)
    await asyncio.sleep(1200)
    await switched_off(tasks)
    mean, peak = server.between(0, 1200)
    first_mean, first_peak = server.between(0, INTERVAL_S)
    measured(
        f"{DEVICES} devices, power at once: {mean:.1f} requests/s, at most {peak:.1f} (x{peak / mean:.2f}); "
        f"in the first {INTERVAL_S} s {first_mean:.1f} and {first_peak:.1f}"
    )
    assert mean == pytest.approx(DEVICES / INTERVAL_S, rel=0.05)
    assert peak <= 2 * mean
    assert max(server.asked.values()) <= 2 * mean


async def test_an_outage_of_the_server_ends_without_a_rush(measured):
    server = Server()
    tasks = await fleet_of(server, DEVICES // 5)
    await asyncio.sleep(600)
    server.is_up = False
    await asyncio.sleep(900)
    server.is_up = True
    await asyncio.sleep(900)
    await switched_off(tasks)
    mean, _ = server.between(300, 600)
    _, during = server.between(700, 1500)
    _, after = server.between(1500, 2400)
    measured(
        f"{DEVICES // 5} devices, 15 min outage: {mean:.1f} requests/s before, at most {during:.1f} during it "
        f"and {after:.1f} after it"
    )
    assert after <= 2.5 * mean
