"""Carrying periods from a thread to the loop."""

import asyncio

import pytest

from voiced.devices.device_thread import Ending, Handover


async def test_periods_arrive_in_order_and_the_loop_is_woken_once_for_all(monkeypatch):
    loop, delivered, wakes = asyncio.get_running_loop(), [], []
    wake = loop.call_soon_threadsafe

    def counted(*call):
        wakes.append(call)
        return wake(*call)

    monkeypatch.setattr(loop, "call_soon_threadsafe", counted)
    handover = Handover(delivered.append, Ending(), limit=8)
    for period in (b"a", b"b", b"c"):
        handover.put(period)
    assert delivered == []
    await asyncio.sleep(0)
    assert delivered == [b"a", b"b", b"c"]
    handover.put(b"d")
    await asyncio.sleep(0)
    assert delivered[3:] == [b"d"]
    assert len(wakes) == 2


async def test_the_oldest_are_lost_and_counted_when_nobody_takes_them():
    delivered = []
    handover = Handover(delivered.append, Ending(), limit=3)
    for number in range(10):
        handover.put(bytes([number]))
    await asyncio.sleep(0)
    assert delivered == [b"\7", b"\x08", b"\t"]
    assert handover.lost == 7


async def test_nothing_is_delivered_after_the_end():
    delivered, ending = [], Ending()

    def deliver(period):
        delivered.append(period)
        raise ValueError("a bug")

    handover = Handover(deliver, ending, limit=3)
    handover.put(b"a")
    handover.put(b"b")
    with pytest.raises(ValueError, match="a bug"):
        await ending.wait()
    handover.put(b"c")
    await asyncio.sleep(0)
    assert delivered == [b"a"]


async def test_the_first_end_counts():
    ending = Ending()
    ending.end(None)
    ending.end(ValueError("too late"))
    await ending.wait()
    assert ending.done


async def test_waiting_for_an_end_can_be_limited():
    ending = Ending()
    started_s = asyncio.get_running_loop().time()
    await ending.wait(0.5)
    assert not ending.done
    assert asyncio.get_running_loop().time() - started_s == pytest.approx(0.5)
