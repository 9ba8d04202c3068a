"""The kernel's news of real interfaces, and what is made of them."""

import asyncio
import socket
from contextlib import asynccontextmanager

import pytest

from tests.netns.rig import Wire, ip
from tests.whole import until
from voiced.core.events import NetworkBack
from voiced.devices.network.route_monitor import LinkWatch

pytestmark = pytest.mark.real_time


@asynccontextmanager
async def guarding(wire, listening=None):
    """Guard a connection to the peer of `wire`; yield its obituaries and the events."""
    listening = listening or wire.listen()
    watch, deaths, events = LinkWatch(), [], []
    watching = asyncio.create_task(watch.watch(events.append))
    await asyncio.sleep(0.1)
    with (
        listening,
        socket.create_connection(listening.getsockname(), 2) as sock,
        watch.guard(sock, deaths.append),
    ):
        yield deaths, events
    watching.cancel()


async def test_a_pulled_cable_is_told_at_once_and_once(wire):
    async with guarding(wire) as (deaths, _):
        wire.carrier(False)
        await until(lambda: deaths, within_s=0.2)
        await asyncio.sleep(0.5)
        (reason,) = deaths
        assert (
            reason == f"this device lost its network connection ({wire.interface} has no carrier)"
        )


async def test_a_lost_route_is_told_at_once(wire):
    async with guarding(wire) as (deaths, _):
        ip("route", "del", wire.peer_network)
        ip("route", "add", "unreachable", wire.peer_network)
        try:
            await until(lambda: deaths, within_s=0.2)
        finally:
            ip("route", "del", "unreachable", wire.peer_network)
        assert "no route" in deaths[0]


async def test_a_lost_address_is_told_at_once(wire):
    async with guarding(wire) as (deaths, _):
        ip("addr", "flush", "dev", wire.interface)
        await until(lambda: deaths, within_s=0.2)


async def test_the_trouble_of_another_interface_is_not_ours(wire):
    with Wire() as other:
        async with guarding(wire) as (deaths, _):
            other.carrier(False)
            ip("addr", "flush", "dev", other.interface)
            await asyncio.sleep(0.5)
            assert deaths == []


async def test_a_peer_on_this_machine_is_never_out_of_reach(wire):
    async with guarding(wire, socket.create_server(("127.0.0.1", 0))) as (deaths, _):
        wire.carrier(False)
        await asyncio.sleep(0.5)
        assert deaths == []


async def test_only_what_gets_better_is_new_hope(wire):
    async with guarding(wire) as (_, events):
        await asyncio.sleep(2.5)  # IPv6 gives itself addresses
        events.clear()
        wire.carrier(False)
        await asyncio.sleep(1)
        assert events == []
        wire.carrier(True)
        await until(lambda: events, within_s=1.0)
        assert set(events) == {NetworkBack()}
        await asyncio.sleep(3)
        assert len(events) <= 4


async def test_a_guard_that_was_left_tells_nothing(wire):
    async with guarding(wire) as (deaths, _):
        pass
    wire.carrier(False)
    await asyncio.sleep(0.3)
    assert deaths == []


async def test_before_dialling_the_kernel_knows_whether_there_is_a_way(wire):
    assert LinkWatch.why_unreachable(wire.peer_address) is None
    assert LinkWatch.why_unreachable("127.0.0.1") is None
    assert LinkWatch.why_unreachable("::ffff:127.0.0.1") is None
    wire.carrier(False)
    await asyncio.sleep(0.2)
    assert LinkWatch.why_unreachable(wire.peer_address) == f"{wire.interface} has no carrier"
