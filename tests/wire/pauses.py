"""How long the event loop keeps others waiting."""

import asyncio
import time
from contextlib import asynccontextmanager


@asynccontextmanager
async def pauses():
    """Yield how long the loop kept others waiting, each time."""
    found = []

    async def beat():
        before_s = time.monotonic()
        while True:
            await asyncio.sleep(0.001)
            now_s = time.monotonic()
            found.append(now_s - before_s)
            before_s = now_s

    beating = asyncio.create_task(beat())
    try:
        yield found
    finally:
        beating.cancel()
