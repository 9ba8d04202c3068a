"""Name lookups that cannot hold up anything else (resolver.py)."""

import asyncio
import gc
import socket
import threading
import time

import pytest

from voiced.devices.network.endpoint import Endpoint
from voiced.devices.network.resolver import Resolver
from voiced.errors import LinkError

pytestmark = pytest.mark.real_time

AGENT = Endpoint("wss", "agent.test", 443)
OTHER = Endpoint("wss", "other.test", 443)
ADDRESSES = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 443))]


class NameServer:
    """Stands in for `getaddrinfo`: answers `answer` unless dead; counts and names its callers."""

    def __init__(self):
        self.answer = ADDRESSES
        self.alive = threading.Event()
        self.alive.set()
        self.asked = []
        self.threads = []
        self.at_once = 0
        self._now = 0

    def __call__(self, host, port, **options):
        self._now += 1
        self.at_once = max(self.at_once, self._now)
        self.asked.append(host)
        self.threads.append(threading.current_thread())
        self.alive.wait(5)
        self._now -= 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def names():
    names = NameServer()
    yield names
    names.alive.set()
    for thread in names.threads:
        thread.join(5)


async def test_a_lookup_runs_on_the_resolver_thread_which_never_delays_the_exit(names):
    assert await Resolver(names).lookup(AGENT, 30) == ADDRESSES
    assert names.threads[0].name == "resolver"
    assert names.threads[0].daemon


@pytest.mark.parametrize("host", ["192.0.2.7", "2001:db8::7"])
async def test_an_address_needs_no_lookup(names, host):
    names.alive.clear()
    found = await Resolver(names).lookup(Endpoint("wss", host, 443), 30)
    assert found[0][4][:2] == (host, 443)
    assert names.asked == []


async def test_a_dead_name_server_holds_up_nobody_else_and_only_one_thread(names):
    names.alive.clear()
    resolver = Resolver(names)
    for _ in range(12):
        with pytest.raises(LinkError, match="no name server answered"):
            await resolver.lookup(AGENT, 0.01)
    began_s = time.monotonic()
    await asyncio.to_thread(lambda: None)
    assert time.monotonic() - began_s < 2
    assert len(names.threads) == 1


async def test_a_second_caller_shares_the_lookup_in_flight(names):
    names.alive.clear()
    resolver = Resolver(names)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(resolver.lookup(AGENT, 30))
        second = group.create_task(resolver.lookup(AGENT, 30))
        await asyncio.sleep(0.02)
        names.alive.set()
    assert first.result() == second.result() == ADDRESSES
    assert names.asked == ["agent.test"]


async def test_another_name_waits_for_its_turn(names):
    names.alive.clear()
    resolver = Resolver(names)
    async with asyncio.TaskGroup() as group:
        group.create_task(resolver.lookup(AGENT, 30))
        group.create_task(resolver.lookup(OTHER, 30))
        await asyncio.sleep(0.02)
        assert names.asked == ["agent.test"]
        names.alive.set()
    assert names.asked == ["agent.test", "other.test"]
    assert names.at_once == 1


async def test_a_cancelled_caller_does_not_take_the_answer_from_another(names):
    names.alive.clear()
    resolver = Resolver(names)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(resolver.lookup(AGENT, 30))
        second = group.create_task(resolver.lookup(AGENT, 30))
        await asyncio.sleep(0.02)
        first.cancel()
        await asyncio.sleep(0)
        names.alive.set()
    assert first.cancelled()
    assert second.result() == ADDRESSES


async def test_the_last_good_addresses_serve_when_the_name_server_dies(names):
    resolver = Resolver(names, patience_when_known_s=0.05)
    await resolver.lookup(AGENT, 30)
    names.alive.clear()
    began_s = time.monotonic()
    assert await resolver.lookup(AGENT, 5) == ADDRESSES
    assert time.monotonic() - began_s < 2


async def test_only_the_first_attempt_of_an_outage_waits_for_a_dead_name_server(names):
    resolver = Resolver(names, patience_when_known_s=0.3)
    await resolver.lookup(AGENT, 30)
    names.alive.clear()
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    for _ in range(20):
        assert await resolver.lookup(AGENT, 5) == ADDRESSES
    assert loop.time() - began_s < 20 * 0.3 / 2
    assert len(names.asked) == 2
    names.alive.set()
    await asyncio.sleep(0.05)
    await resolver.lookup(AGENT, 5)
    assert len(names.asked) == 3


@pytest.mark.parametrize("failure", [socket.gaierror(socket.EAI_AGAIN, "x"), UnicodeError("x")])
async def test_the_last_good_addresses_serve_when_the_lookup_fails(names, failure):
    resolver = Resolver(names)
    await resolver.lookup(AGENT, 30)
    names.answer = failure
    assert await resolver.lookup(AGENT, 30) == ADDRESSES


async def test_an_answer_that_comes_too_late_serves_the_next_caller(names):
    names.alive.clear()
    resolver = Resolver(names)
    with pytest.raises(LinkError):
        await resolver.lookup(AGENT, 0.01)
    names.alive.set()
    await asyncio.sleep(0.05)
    names.answer = socket.gaierror(socket.EAI_AGAIN, "x")
    assert await resolver.lookup(AGENT, 30) == ADDRESSES


async def test_a_failure_nobody_waits_for_is_forgotten(names, caplog):
    names.alive.clear()
    names.answer = socket.gaierror(socket.EAI_AGAIN, "x")
    resolver = Resolver(names)
    with pytest.raises(LinkError):
        await resolver.lookup(AGENT, 0.01)
    names.alive.set()
    await asyncio.sleep(0.05)
    names.answer = ADDRESSES
    assert await resolver.lookup(AGENT, 30) == ADDRESSES
    gc.collect()
    assert "never retrieved" not in caplog.text


def test_an_answer_after_the_loop_has_closed_harms_nobody(names):
    names.alive.clear()

    async def give_up():
        with pytest.raises(LinkError):
            await Resolver(names).lookup(AGENT, 0.01)

    with asyncio.Runner() as runner:
        runner.run(give_up())
    names.alive.set()
    names.threads[0].join(5)
    assert not names.threads[0].is_alive()


V6 = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2001:db8::1", 443, 0, 0))


def without(*addresses):
    return lambda address: "there is no route" if address in addresses else None


async def test_addresses_this_device_has_no_way_to_are_left_out():
    server = NameServer()
    server.answer = [V6, *ADDRESSES]
    resolver = Resolver(server, why_unreachable=without("2001:db8::1"))
    assert await resolver.lookup(AGENT, 30) == ADDRESSES


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (ADDRESSES, "this device has no network connection (there is no route)"),
        ([V6, *ADDRESSES], "this device has no network connection (there is no route)"),
        (
            [V6],
            "agent.test has only IPv6 addresses, and this network has no IPv6 route "
            "(there is no route)",
        ),
    ],
)
async def test_a_device_without_a_way_to_any_address_is_told(answer, sentence):
    server = NameServer()
    server.answer = answer
    resolver = Resolver(server, why_unreachable=without("2001:db8::1", "192.0.2.1"))
    with pytest.raises(LinkError) as refused:
        await resolver.lookup(AGENT, 30)
    assert str(refused.value) == sentence
