"""How long the event loop keeps others waiting, in CPU time: a busy machine is not its fault."""

import asyncio
import time
from contextlib import asynccontextmanager


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
