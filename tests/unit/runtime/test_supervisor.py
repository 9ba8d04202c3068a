"""Tasks that come and go with the parts of a running daemon (supervisor.py)."""

import asyncio

import pytest

from voiced.runtime.supervisor import Supervisor


class Part:
    """Holds something from the start of its task to the end, which takes a while."""

    def __init__(self, log, name):
        self._log, self._name = log, name

    async def run(self):
        self._log.append(f"{self._name} begins")
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.5)
            self._log.append(f"{self._name} ends")


async def test_a_new_part_starts_when_the_old_one_has_let_go_and_the_rest_goes_on():
    log = []
    a, b, c = (Part(log, name) for name in "abc")
    async with asyncio.TaskGroup() as group:
        supervisor = Supervisor(group)
        supervisor.keep({a: a.run, b: b.run})
        await asyncio.sleep(0.1)
        supervisor.keep({a: a.run, c: c.run})
        await asyncio.sleep(0.1)
        assert log == ["a begins", "b begins"]
        await asyncio.sleep(1)
        assert log == ["a begins", "b begins", "b ends", "c begins"]
        supervisor.cancel()
    assert sorted(log[4:]) == ["a ends", "c ends"]


async def test_a_part_may_come_back():
    log = []
    a = Part(log, "a")
    async with asyncio.TaskGroup() as group:
        supervisor = Supervisor(group)
        supervisor.keep({a: a.run})
        await asyncio.sleep(0.1)
        supervisor.keep({})
        supervisor.keep({a: a.run})
        await asyncio.sleep(1)
        supervisor.cancel()
    assert log == ["a begins", "a ends", "a begins", "a ends"]


async def test_a_part_that_fails_ends_them_all():
    async def fail():
        raise RuntimeError("broken")

    log = []
    a = Part(log, "a")
    with pytest.raises(ExceptionGroup, match="unhandled"):
        async with asyncio.TaskGroup() as group:
            Supervisor(group).keep({a: a.run, "b": fail})
    assert log[-1:] in ([], ["a ends"])
