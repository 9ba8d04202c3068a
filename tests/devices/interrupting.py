"""Somebody who interrupts the agent, and how long it is heard after that."""

import asyncio
import time

from tests.whole import until

BARGE_INS = 10


async def silenced_ms(rig, it, harm=None):
    """Interrupt the agent some times; return how long it was heard after each.

    Args:
        rig: Where it is heard.
        it: What has the agent's `session` and the daemon's `status`.
        harm: Is called in the midst of each reply.
    """
    late_ms = []
    for trial in range(BARGE_INS):
        with rig.record_speaker() as recording:
            it.session.say("a long reply that is going to be interrupted " * 3)
            # After a storm the start threshold may be 0.4 s: "speaking" does not mean heard.
            await until(recording.is_audible)
            await asyncio.sleep(0.1 + trial % 10 / 300)
            if harm is not None:
                harm()
                await asyncio.sleep(0.1)
            it.session.send("input.speech.started")
            await asyncio.sleep(0.1)
            it.session.interrupt()
            at_s = time.monotonic()
            await asyncio.to_thread(recording.wait_until, at_s + 0.4)
        assert recording.first_audible_s(at_s - 0.2, at_s) is not None
        late_ms.append((recording.last_audible_s(at_s - 0.2, at_s + 10) - at_s) * 1000)
        it.session.send("input.speech.stopped")
        await until(lambda: it.status in {"thinking", "listening"})
    return late_ms
