"""How long the event loop keeps others waiting, in CPU time: a busy machine is not its fault."""

import asyncio
import time
from contextlib import asynccontextmanager

from voiced.core.conversation import step
from voiced.core.events import TimerFired
from voiced.core.state import Conversation, Policy

N_STEPS = 1000

MOST_PAUSE = 0.4
"""Of the time of that many steps: about 40 ms on a good day of a PC."""


def steps_s():
    """Return how long some steps of the state machine take, which coverage and a slow machine make longer."""
    began_s = time.thread_time()
    for _ in range(N_STEPS):
        step(Conversation(), TimerFired("steady"), Policy())
    return time.thread_time() - began_s


@asynccontextmanager
async def pauses():
    """Yield how long the loop kept others waiting, each time."""
    found = []

    async def beat():
        before_s = time.thread_time()
        while True:
            await asyncio.sleep(0.001)
            now_s = time.thread_time()
            found.append(now_s - before_s)
            before_s = now_s

    beating = asyncio.create_task(beat())
    try:
        yield found
        await asyncio.sleep(0.01)  # lets it see the last one
    finally:
        beating.cancel()
