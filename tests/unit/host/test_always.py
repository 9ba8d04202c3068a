"""A conversation that is kept open."""

import asyncio

from voiced.core.actions import Status
from voiced.core.events import Woken
from voiced.host.always import AlwaysAwake


async def woken(always, seconds):
    """Return how often it wakes in so many seconds."""
    events = []
    watching = asyncio.create_task(always.watch(events.append))
    await asyncio.sleep(seconds)
    watching.cancel()
    assert set(events) <= {Woken("always", unattended=True)}
    return len(events)


async def test_it_wakes_at_the_start_and_leaves_a_conversation_alone():
    always = AlwaysAwake()
    always.show(Status.LISTENING)
    assert await woken(always, 3_600) == 1


async def test_it_wakes_again_soon_after_a_conversation_ended():
    always = AlwaysAwake()
    always.show(Status.ASLEEP)
    assert await woken(always, 1.5) == 2
