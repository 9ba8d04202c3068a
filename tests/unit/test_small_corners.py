"""Corners in which something was lost, kept for ever, or waited for in vain."""

import asyncio
import logging
from types import SimpleNamespace

import pytest

from voiced.api.device_control import DeviceControl
from voiced.audio.playout import Playout
from voiced.core.events import AgentReady, LinkLost, Loss, TimerFired
from voiced.core.state import Conversation
from voiced.runtime.outage_log import REASONS_TOLD, OutageLog

RATE_HZ = 1000


@pytest.mark.parametrize("fed_ms", [1, 19, 20, 21, 100, 5000])
@pytest.mark.parametrize("over_ms", [0, 1, 20, 1000])
def test_a_queue_beyond_its_capacity_takes_nothing_more(over_ms, fed_ms):
    playout = Playout(RATE_HZ, lambda _: None, capacity_s=2.0)
    playout.accept("r")
    playout.feed("r", bytes(2 * 2000), 0.0)
    playout.capacity_s = 2.0 - over_ms / 1000
    playout.feed("r", b"\1\0" * fed_ms, 1.0)
    assert (playout.queued_ms, playout.dropped_ms) == (2000, fed_ms)


def test_the_beginning_of_what_just_fits_is_kept():
    playout = Playout(RATE_HZ, lambda _: None, capacity_s=1.0)
    playout.accept("r")
    playout.feed("r", bytes(2 * 900), 0.0)
    playout.feed("r", b"\1\0" * 300, 1.0)
    assert (playout.queued_ms, playout.dropped_ms) == (1000, 200)


def test_an_outage_with_ever_new_reasons_is_told_of_boundedly_and_remembered_no_more(caplog):
    caplog.set_level(logging.DEBUG)
    outages, now = OutageLog(), Conversation()
    for n in range(1000):
        outages.noticed(now, LinkLost(f"reason {n}", Loss.BROKEN), now)
    assert len(outages._told) == REASONS_TOLD
    assert sum(each.levelname == "WARNING" for each in caplog.records) == REASONS_TOLD
    outages.noticed(now, AgentReady(None), now)
    outages.noticed(now, TimerFired("steady"), now)
    assert outages._told == set()


class Page:
    """Somebody who watches."""

    def __init__(self, control):
        self.watching = control.watch()
        self.next = None

    async def sees(self):
        """Return the newest volume it was told of."""
        seen = []
        while True:
            self.next = self.next or asyncio.ensure_future(anext(self.watching))
            for _ in range(3):
                await asyncio.sleep(0)
            if not self.next.done():
                return seen[-1].volume if seen else None
            seen.append(self.next.result())
            self.next = None

    async def leave(self):
        if self.next is not None:
            self.next.cancel()
            await asyncio.wait([self.next])
        await self.watching.aclose()


@pytest.fixture
def device():
    runtime = SimpleNamespace(conversation=Conversation(), volume=70, can_announce=True)
    control = DeviceControl(lambda: runtime, lambda: "x")

    def turn(volume):
        runtime.volume = volume
        control.noticed(runtime.conversation, None, runtime.conversation, 0.0)

    return SimpleNamespace(control=control, runtime=runtime, turn=turn)


async def test_whoever_comes_after_the_last_has_left_sees_every_change(device):
    first = Page(device.control)
    assert await first.sees() == 70
    device.turn(65)
    assert await first.sees() == 65
    device.turn(70)
    assert await first.sees() == 70
    await first.leave()
    device.turn(40)
    second = Page(device.control)
    assert await second.sees() == 40
    device.turn(70)
    assert await second.sees() == 70
    await second.leave()


async def test_whoever_comes_before_a_change_was_told_sees_it_taken_back(device):
    first = Page(device.control)
    assert await first.sees() == 70
    device.runtime.volume = 40
    second = Page(device.control)
    assert await second.sees() == 40
    device.turn(70)
    assert await second.sees() == 70
    await first.leave()
    await second.leave()
