"""Connecting where packets are lost: when sockets are opened and closed (connecting.py), on a clock that jumps."""

import asyncio
from itertools import pairwise

import pytest

from voiced.devices.network.connecting import (
    AGAIN_LEAST_S,
    AGAIN_MOST_S,
    MOST_SOCKETS,
    first_answered,
)

FOREVER_S = 1e6
KERNEL_AGAIN_S = 1.0
"""When the kernel sends a first SYN again."""


class Opened:
    """Stands in for a socket."""

    def __init__(self):
        self.closed = False

    def close(self):
        self.closed = True


class Network:
    """Answers a try `round_trip_s` after it was made; loses those made before `back_s`.

    Attributes:
        tries: When each try was made and, if it was, given up.
        opened: The sockets that were connected.
    """

    def __init__(self, back_s=0.0, round_trip_s=0.01, failure=None):
        self.back_s, self.round_trip_s, self.failure = back_s, round_trip_s, failure
        self.tries, self.opened, self.most = [], [], 0

    def lasting(self):
        return [times for times in self.tries if len(times) == 1]

    async def __call__(self):
        loop = asyncio.get_running_loop()
        times = [loop.time()]
        self.tries.append(times)
        self.most = max(self.most, len(self.lasting()))
        try:
            await asyncio.sleep(self.round_trip_s if times[0] >= self.back_s else FOREVER_S)
        finally:
            times.append(loop.time())
        if self.failure:
            raise self.failure
        self.opened.append(Opened())
        return self.opened[-1]


def middle(least, most):
    return (least + most) / 2


async def connect(network, eager_until_s=10.0, uniform=middle):
    async with asyncio.timeout(60):
        return await first_answered(network, eager_until_s, uniform)


async def test_a_network_that_answers_gets_one_packet():
    network = Network(round_trip_s=0.1)
    assert await connect(network) is network.opened[0]
    assert len(network.tries) == 1


@pytest.mark.parametrize("back_s", [0.05, 0.9, 1.01, 3.0, 7.77, 9.5])
async def test_a_network_that_is_back_is_noticed_within_a_quarter_of_a_second(back_s):
    network = Network(back_s)
    opened = await connect(network)
    assert not opened.closed
    assert asyncio.get_running_loop().time() - back_s <= AGAIN_MOST_S + network.round_trip_s
    assert len(network.opened) == 1
    assert network.lasting() == []


@pytest.mark.parametrize("uniform", [min, middle, max])
async def test_few_sockets_are_open_and_the_kernel_sends_again_for_the_first_alone(uniform):
    network = Network(back_s=FOREVER_S)
    with pytest.raises(TimeoutError):
        await connect(network, uniform=uniform)
    assert network.most <= MOST_SOCKETS
    first, *others = network.tries
    assert first[1] - first[0] >= 60
    assert all(ended_s - began_s <= KERNEL_AGAIN_S + 1e-6 for began_s, ended_s in others)
    gaps_s = [after[0] - before[0] for before, after in pairwise(network.tries)]
    assert all(AGAIN_LEAST_S - 1e-6 <= gap_s <= AGAIN_MOST_S + 1e-6 for gap_s in gaps_s)
    assert network.tries[-1][0] <= 10.0  # after that the kernel is left alone


@pytest.mark.parametrize("round_trip_s", [0.3, 0.7, 1.5, 4.0])
async def test_on_a_slow_network_the_first_answer_wins_and_the_others_are_closed(round_trip_s):
    network = Network(round_trip_s=round_trip_s)
    assert await connect(network) is network.opened[0]
    assert asyncio.get_running_loop().time() == pytest.approx(round_trip_s)
    assert network.lasting() == []


async def test_two_answers_at_once_leave_one_socket():
    answered, opened = asyncio.Event(), []

    async def answers():
        await answered.wait()
        opened.append(Opened())
        return opened[-1]

    asyncio.get_running_loop().call_later(0.5, answered.set)
    winner = await first_answered(answers, 10.0, middle)
    assert len(opened) == 3
    assert [it for it in opened if not it.closed] == [winner]


async def test_a_refusal_of_one_is_a_refusal_of_all():
    refused = ConnectionRefusedError("no")
    network = Network(back_s=1.0, failure=refused)
    with pytest.raises(ConnectionRefusedError):
        await connect(network)
    assert asyncio.get_running_loop().time() <= 1.0 + AGAIN_MOST_S + network.round_trip_s
    assert network.lasting() == []


async def test_who_gives_up_leaves_nothing_open():
    network = Network(back_s=FOREVER_S)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3.0):
            await first_answered(network, 10.0, middle)
    assert network.lasting() == []


async def test_an_answer_in_the_moment_of_giving_up_is_closed():
    late = []

    async def answers():
        await asyncio.sleep(0.2)
        asking.cancel()
        late.append(Opened())
        return late[-1]

    asking = asyncio.ensure_future(first_answered(answers, 0.0, middle))
    await asyncio.wait([asking])
    assert asking.cancelled()
    assert [it.closed for it in late] == [True]
