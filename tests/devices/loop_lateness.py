"""How late an event loop comes to what is due."""

import asyncio
import time


class LoopLateness:
    """Measures how late the loop comes.

    Attributes:
        late_ms: By how much, each time.
    """

    def __init__(self):
        self.late_ms = []

    async def measure(self):
        while True:
            asked_s = time.monotonic() + 0.005
            await asyncio.sleep(0.005)
            self.late_ms.append((time.monotonic() - asked_s) * 1000)

    def since(self, begin):
        return self.late_ms[begin:]
