"""A cancellation that comes while tasks of a group fail is not lost (task_group.py)."""

import asyncio
from contextlib import suppress

import pytest

from voiced.lib.task_group import TaskGroup


class RefusedError(Exception):
    """What a task fails with."""


async def fail(ticks):
    for _ in range(ticks):
        await asyncio.sleep(0)
    raise RefusedError


async def try_for_ever(starts, ticks):
    """What stays connected does this: it deals with the failure and tries again."""
    while True:
        starts.append(ticks)
        with suppress(ExceptionGroup):
            async with TaskGroup() as group:
                group.create_task(fail(ticks))
        await asyncio.sleep(60)


@pytest.mark.parametrize("ticks", range(4))
@pytest.mark.parametrize("wait", range(8))
async def test_what_is_cancelled_as_a_task_fails_ends(ticks, wait):
    """One of these ticks is the one between the failure and its end."""
    starts = []
    task = asyncio.create_task(try_for_ever(starts, ticks))
    for _ in range(wait):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task], timeout=1)
    assert task.cancelled()
    assert len(starts) == bool(wait)


async def test_who_is_not_cancelled_sees_the_failure_and_goes_on():
    with pytest.raises(ExceptionGroup) as seen:
        async with TaskGroup() as group:
            group.create_task(fail(1))
    assert seen.group_contains(RefusedError)
    await asyncio.sleep(0)
    assert not asyncio.current_task().cancelling()


async def test_a_group_within_one_that_fails_ends_with_it():
    async def within():
        with suppress(ExceptionGroup):
            async with TaskGroup() as inner:
                inner.create_task(fail(1))
                inner.create_task(fail(2))
        await asyncio.sleep(60)

    async def whole():
        async with asyncio.timeout(5), TaskGroup() as outer:
            outer.create_task(within())
            outer.create_task(fail(2))

    with pytest.raises(ExceptionGroup) as seen:
        await whole()
    assert seen.group_contains(RefusedError)
