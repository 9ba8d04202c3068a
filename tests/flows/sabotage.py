"""Makes a part of the daemon raise where it waits: in its own task or in any that it starts."""

import asyncio
from collections.abc import Coroutine
from contextvars import ContextVar

ROOM = "/daemon/voiced/"

_part = ContextVar("part", default=None)


class Sabotage:
    """Notes where the parts of a guard wait, and strikes where it is told to.

    Args:
        guard: Whose parts.

    Attributes:
        places: Where each part has waited, by its name: file and line of our own code.
        target: The part and the place at which it is to raise next; None once it has.
    """

    def __init__(self, guard):
        self.places = {}
        self.target = None
        self._run, guard.run = guard.run, self._run_watched
        asyncio.get_running_loop().set_task_factory(self._task)

    async def _run_watched(self, name, run):
        async def watched():
            _part.set(name)
            await _Watched(run(), name, self)

        self.places.setdefault(name, set())
        await self._run(name, watched)

    def _task(self, loop, coroutine, **options):
        name = _part.get()
        if name is not None:
            coroutine = _Watched(coroutine, name, self)
        return asyncio.Task(coroutine, loop=loop, **options)

    def strikes(self, name, coroutine):
        """Take note of where `coroutine` waits; tell whether it is to raise there."""
        place = _place(coroutine)
        if place is None:
            return False
        self.places[name].add(place)
        if self.target != (name, place):
            return False
        self.target = None
        return True


class _Watched(Coroutine):
    """A coroutine that raises where it is told to instead of waiting."""

    def __init__(self, inner, name, sabotage):
        self._inner, self._name, self._sabotage = inner, name, sabotage

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        return self.send(None)

    def send(self, value):
        return self._watch(self._inner.send(value))

    def throw(self, *error):
        return self._watch(self._inner.throw(*error))

    def close(self):
        self._inner.close()

    def _watch(self, waits_for):
        while self._sabotage.strikes(self._name, self._inner):
            if waits_for is not None:
                waits_for._asyncio_future_blocking = False
            waits_for = self._inner.throw(RuntimeError("sabotage"))
        return waits_for


def _place(coroutine):
    """Return where in our own code a coroutine waits, if it does there."""
    place = None
    while coroutine is not None:
        frame = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "gi_frame", None)
        if frame is not None and ROOM in frame.f_code.co_filename:
            place = f"{frame.f_code.co_filename.partition(ROOM)[2]}:{frame.f_lineno}"
        coroutine = getattr(coroutine, "cr_await", None) or getattr(coroutine, "gi_yieldfrom", None)
    return place
