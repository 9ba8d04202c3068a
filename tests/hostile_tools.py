"""Tools that misbehave in every way a tool can, and what has to come of a call of each."""

import asyncio
from dataclasses import dataclass

from voiced.agents.codec import ToolSpec
from voiced.errors import ToolError

SECRET = "what only the agent and the tool may know"
MEGABYTE = 1_000_000


class HostileTool:
    """Does what it is given; a tool by that name.

    Args:
        name: What it is called by.
        do: What it does: takes the arguments, returns or raises something.
        timeout_s: How long the agent waits for it.
    """

    def __init__(self, name, do, timeout_s=120):
        self.spec = ToolSpec(name=name, description="For tests.", timeout_s=timeout_s)
        self.began = 0
        self._do = do

    async def call(self, arguments, controls):
        self.began += 1
        return await self._do(arguments)


class Stubborn:
    """Ignores every attempt to end it, until `let_go`."""

    def __init__(self):
        self._free = asyncio.Event()

    def let_go(self):
        self._free.set()

    async def __call__(self, arguments):
        while not self._free.is_set():
            try:
                await self._free.wait()
            except asyncio.CancelledError:
                continue


def answering(value):
    async def do(arguments):
        return value() if callable(value) else value

    return do


def raising(error):
    async def do(arguments):
        raise error(SECRET)

    return do


async def cancelling_itself(arguments):
    asyncio.current_task().cancel()
    await asyncio.sleep(1)


async def never_ending(arguments):
    await asyncio.Event().wait()


async def failing_beside(arguments):
    async with asyncio.TaskGroup() as group:
        group.create_task(raising(ValueError)(arguments))
        await asyncio.sleep(1)


def _endless():
    value = []
    value.append({"again": value})
    return value


def _deep():
    value = []
    for _ in range(100_000):
        value = [value]
    return value


# Made beforehand: to make them holds the loop, and makes work for the garbage collector.
TEN_MEGABYTES, A_MILLION, DEEP = "x" * 10 * MEGABYTE, [0] * MEGABYTE, _deep()


class Spiteful(dict):
    """An object that raises when somebody looks into it."""

    def __len__(self):
        raise RuntimeError(SECRET)


@dataclass(frozen=True)
class Behaviour:
    """What a tool does, and what the agent is told of it.

    Attributes:
        do: See `HostileTool`.
        told: A part of the sentence.
        timeout_s: See `HostileTool`.
    """

    do: object
    told: str
    timeout_s: int = 120


TOO_LONG, NONSENSE, BROKEN, LATE = "is too long", "makes no sense", "is broken", "took too long"

BEHAVIOURS = {
    "answers 10 MB": Behaviour(answering(TEN_MEGABYTES), TOO_LONG),
    "answers a list of a million": Behaviour(answering(A_MILLION), TOO_LONG),
    "answers a little too much": Behaviour(answering("x" * 16_000), TOO_LONG),
    "answers what grows when it is written": Behaviour(answering("\0" * 10_000), TOO_LONG),
    "answers a huge number": Behaviour(answering(lambda: 1 << 10_000_000), TOO_LONG),
    "answers an object that holds itself": Behaviour(answering(_endless), TOO_LONG),
    "answers 100,000 levels": Behaviour(answering(DEEP), TOO_LONG),
    "answers bytes": Behaviour(answering(SECRET.encode()), NONSENSE),
    "answers an object": Behaviour(answering(object), NONSENSE),
    "answers a set": Behaviour(answering({SECRET}), NONSENSE),
    "answers keys that are no text": Behaviour(answering({1: SECRET}), NONSENSE),
    "answers NaN": Behaviour(answering({"x": float("nan")}), NONSENSE),
    "answers Infinity": Behaviour(answering([float("inf")]), NONSENSE),
    "answers something spiteful": Behaviour(answering(lambda: Spiteful(x=1)), BROKEN),
    "answers code": Behaviour(answering(lambda: never_ending), NONSENSE),
    "fails with a sentence": Behaviour(
        raising(lambda _: ToolError("That cannot be.")), "cannot be"
    ),
    "fails with 10 MB": Behaviour(raising(lambda _: ToolError("No. " * MEGABYTE)), "No. No."),
    "raises ValueError": Behaviour(raising(ValueError), BROKEN),
    "raises KeyError": Behaviour(raising(KeyError), BROKEN),
    "raises RecursionError": Behaviour(raising(RecursionError), BROKEN),
    "raises MemoryError": Behaviour(raising(MemoryError), BROKEN),
    "raises OSError": Behaviour(raising(OSError), BROKEN),
    "raises SystemExit": Behaviour(raising(SystemExit), BROKEN),
    "raises KeyboardInterrupt": Behaviour(raising(KeyboardInterrupt), BROKEN),
    "raises GeneratorExit": Behaviour(raising(GeneratorExit), BROKEN),
    "raises StopIteration": Behaviour(raising(StopIteration), BROKEN),
    "raises CancelledError": Behaviour(raising(asyncio.CancelledError), BROKEN),
    "raises TimeoutError": Behaviour(raising(TimeoutError), LATE),
    "raises in a task of its own": Behaviour(failing_beside, BROKEN),
    "cancels itself": Behaviour(cancelling_itself, BROKEN),
    "never ends": Behaviour(never_ending, LATE, timeout_s=4),
}
"""By what it does; each a tool whose name is that, joined."""


def name_of(behaviour):
    """Return what the tool is called that does so."""
    return behaviour.replace(" ", "_").replace(",", "")


def hostile_tools():
    """Return a tool for every behaviour."""
    return [HostileTool(name_of(each), it.do, it.timeout_s) for each, it in BEHAVIOURS.items()]
