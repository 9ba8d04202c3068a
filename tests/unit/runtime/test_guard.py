"""What is not vital fails, ends, cancels itself: it is started again and nothing else ends (guard.py)."""

import asyncio
import logging
from contextlib import asynccontextmanager, suppress

import pytest

from voiced.errors import DeviceError, VoicedError
from voiced.lib.backoff import Backoff
from voiced.runtime.guard import Fault, Guard, name_of, reason_of

STEADY_S = 30.0


class Part:
    """Does what `then` says, one step for each start; runs for ever when there is no more of it."""

    def __init__(self, *then):
        self.then = [*then]
        self.starts = []
        self.ended = 0

    async def run(self):
        self.starts.append(asyncio.get_running_loop().time())
        try:
            await asyncio.sleep(0.01)
            step = self.then.pop(0) if self.then else asyncio.Event().wait
            if isinstance(step, BaseException):
                raise step
            await step()
        finally:
            self.ended += 1


class Panic(BaseException):
    """What libraries in Rust raise: no `Exception`."""


async def at_once():
    """Return though it should run for ever."""


async def cancels_itself():
    """Wait for what was cancelled, as libraries do."""
    gone = asyncio.get_running_loop().create_future()
    gone.cancel()
    await gone


@asynccontextmanager
async def guarded(part, guard=None):
    guard = guard or Guard(Backoff(1.0, 60.0, STEADY_S))
    task = asyncio.create_task(guard.run("part", part.run))
    await asyncio.sleep(0.1)
    yield guard
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()
    assert guard.faults == []


FAILURES = {
    "error": (RuntimeError("quotes a secret"), "it broke: RuntimeError in test_guard.py, line"),
    "error of ours": (DeviceError("there", "it is broken"), "there: it is broken"),
    "error of the system": (OSError(24, "Too many open files"), "Too many open files"),
    "with a file": (OSError(2, "No such file", "/etc/x"), "/etc/x: No such file"),
    "group": (
        ExceptionGroup("unhandled", [ExceptionGroup("in", [VoicedError("no")])]),
        "no",
    ),
    "group of another kind": (
        BaseExceptionGroup("all", [asyncio.CancelledError(), ValueError()]),
        "it cancelled itself",
    ),
    "a panic of a library": (Panic("quotes a secret"), "it broke: Panic in test_guard.py, line"),
    "a panic in a group": (
        BaseExceptionGroup("all", [Panic("quotes a secret"), ValueError()]),
        "it broke: Panic",
    ),
    "returns": (at_once, "it ended unexpectedly"),
    "cancels itself": (cancels_itself, "it cancelled itself"),
}


@pytest.mark.parametrize("kind", FAILURES)
async def test_whatever_fails_is_told_of_shown_and_started_again(kind, caplog):
    failure, reason = FAILURES[kind]
    caplog.set_level(logging.INFO)
    part = Part(failure)
    async with guarded(part) as guard:
        [fault] = guard.faults
        assert (fault.name, fault.failures, fault.runs) == ("part", 1, False)
        assert fault.reason.startswith(reason)
        assert "secret" not in caplog.text
        await asyncio.sleep(1)
        assert len(part.starts) == 2
        assert guard.faults == [Fault("part", fault.reason, 1, runs=True)]
        await asyncio.sleep(STEADY_S)
        assert guard.faults == []
        assert guard.failures == {"part": 1}
    assert part.ended == 2
    aloud = [line.message for line in caplog.records if line.levelno >= logging.INFO]
    assert [line.partition("\n")[0] for line in aloud] == [
        f"part: {fault.reason}; the rest goes on",
        "part: works again",
    ]


async def test_a_part_that_fails_always_is_told_of_once_and_tried_ever_less_often(caplog):
    part = Part(*[RuntimeError("no")] * 100)
    async with guarded(part) as guard:
        await asyncio.sleep(600)
        assert guard.faults[0].failures == len(part.starts) < 30
    waits_s = [b - a for a, b in zip(part.starts, part.starts[1:], strict=False)]
    assert 0.5 <= waits_s[0] <= 1.1
    assert all(30 <= wait_s <= 61 for wait_s in waits_s[7:])
    assert len([line for line in caplog.records if line.levelno >= logging.WARNING]) == 1


@pytest.mark.parametrize("passes", [SystemExit, KeyboardInterrupt])
def test_what_ends_the_process_passes(passes):
    async def leave():
        await asyncio.sleep(0)
        raise passes

    async def leave_from_a_group():
        raise BaseExceptionGroup("all", [ValueError(), passes()])

    with pytest.raises(passes):
        asyncio.run(Guard().run("part", leave))
    with pytest.raises(BaseExceptionGroup):
        asyncio.run(Guard().run("part", leave_from_a_group))


@pytest.mark.parametrize("after_s", [0.0, 0.05, 0.3])
async def test_a_guard_ends_when_it_is_cancelled_even_while_it_waits(after_s):
    part = Part(RuntimeError("no"))
    task = asyncio.create_task(Guard().run("part", part.run))
    await asyncio.sleep(after_s)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    starts = len(part.starts)
    await asyncio.sleep(100)
    assert len(part.starts) == starts


async def keeps_its_cancellation():
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(1000)


async def fails_of_its_cancellation():
    try:
        await asyncio.sleep(1000)
    finally:
        raise RuntimeError("in the middle of putting away")


@pytest.mark.parametrize("run", [keeps_its_cancellation, fails_of_its_cancellation])
async def test_a_part_that_does_not_pass_its_cancellation_on_ends_all_the_same(run):
    async with asyncio.TaskGroup() as group:
        task = group.create_task(Guard().run("part", run))
        await asyncio.sleep(1)
        task.cancel()
    assert task.cancelled()


def test_a_call_that_fails_is_told_of_once_and_forgotten_when_it_works_again(caplog):
    class Lamp:
        works = False

        def show(self, status):
            if not self.works:
                odd = {"odd": asyncio.CancelledError(), "panic": Panic()}
                raise odd.get(status) or ValueError(status)
            return status

    lamp, guard = Lamp(), Guard()
    for _ in range(3):
        assert guard.attempt(lamp, lamp.show, "asleep") is None
    assert guard.attempt(lamp, lamp.show, "odd") is None
    assert guard.attempt(lamp, lamp.show, "panic") is None
    assert [(fault.name, fault.failures) for fault in guard.faults] == [("lamp (show)", 5)]
    assert [line.partition(";")[0][:38] for line in caplog.messages] == [
        "lamp (show): it broke: ValueError in t",
        "lamp (show): it cancelled itself",
        "lamp (show): it broke: Panic in test_g",
    ]
    assert "asleep" not in caplog.text
    lamp.works = True
    assert guard.attempt(lamp, lamp.show, "asleep") == "asleep"
    assert guard.faults == []
    assert guard.failures == {"lamp (show)": 5}


def test_a_part_is_called_by_its_own_name_or_by_its_class():
    class FileWatch:
        pass

    class Named:
        name = "mcp home"

    assert [name_of(each) for each in (FileWatch(), Named(), "link")] == [
        "file watch",
        "mcp home",
        "link",
    ]
    assert reason_of(ValueError("never raised")) == "it broke: ValueError"
