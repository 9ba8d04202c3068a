"""Connect over a network that loses packets.

The kernel sends a SYN again after a second, then after another or after three, then more and more rarely: a network
that is back is noticed that much too late, and one packet lost on a Wi-Fi costs a whole second. So we do not wait for
it: every fifth of a second another socket tries as well, and the first that is answered wins. Older ones are closed
before the kernel would send again for them, but for the first: on a network where an answer takes longer than that, it
is the one that gets it.

This is for the beginning of an attempt and for the beginning of a silence. A peer that has been silent for longer gets
what the kernel sends, so that it is not met by all its devices in the same second when it is back.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable

from voiced.lib.backoff import Uniform
from voiced.lib.task_group import TaskGroup

AGAIN_LEAST_S, AGAIN_MOST_S = 0.15, 0.25
"""From one socket to the next: random, so that devices that lost a peer together do not try in step."""

MOST_SOCKETS = 5
"""At once, for each address: the first, and the newest of the others, none of which lives longer than a second."""

ATTEMPT_S = 1.0
"""How long every attempt is made with more than one socket."""

SILENCE_S = 10.0
"""How long all attempts are, from the first one that was not answered."""

Connect = Callable[[], Awaitable[socket.socket]]
"""Makes one try. Raises OSError, and closes its socket if it is cancelled."""


async def first_answered(connect: Connect, eager_until_s: float, uniform: Uniform) -> socket.socket:
    """Return the first socket that is connected; nothing else stays open.

    Args:
        connect: Makes one try.
        eager_until_s: Until when further tries begin, by the loop's clock.
        uniform: Returns a random number between two.

    Raises:
        OSError: The reason of the first try that failed: where one is refused, so are the others.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[socket.socket] = loop.create_future()
    tries: list[asyncio.Task[None]] = []
    try:
        async with TaskGroup() as group:
            while not answer.done():
                eager = loop.time() < eager_until_s
                if len(tries) > (MOST_SOCKETS - 1 if eager else 1):
                    tries.pop(1).cancel()
                if eager or not tries:
                    tries.append(group.create_task(_try(connect, answer), name="connect"))
                more = eager or len(tries) > 1
                wait_s = uniform(AGAIN_LEAST_S, AGAIN_MOST_S) if more else None
                await asyncio.wait([answer], timeout=wait_s)
            for each in tries:
                each.cancel()
    except BaseException:
        if answer.done() and answer.exception() is None:
            answer.result().close()
        raise
    return answer.result()


async def _try(connect: Connect, answer: asyncio.Future[socket.socket]) -> None:
    """Make one try; the first to end is the answer."""
    try:
        opened = await connect()
    except OSError as error:
        if not answer.done():
            answer.set_exception(error)
        return
    if answer.done():
        opened.close()
    else:
        answer.set_result(opened)
