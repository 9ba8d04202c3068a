"""Requests to read the settings again (requests.py)."""

import asyncio

from voiced.reload.requests import Reloads


def noting(done):
    async def reload():
        done.append(1)

    return reload


async def test_what_is_asked_twice_at_once_is_done_once_and_told_of():
    done, told = [], []
    reloads = Reloads(noting(done))
    reloads.on_reload.append(told.append)
    running = asyncio.create_task(reloads.run())
    await asyncio.sleep(1)
    assert done == []
    reloads.ask()
    reloads.ask()
    await asyncio.sleep(1)
    assert (done, told) == ([1], [True, True, False])
    reloads.ask()
    await asyncio.sleep(1)
    assert len(done) == 2
    running.cancel()


async def test_nobody_has_to_listen():
    done = []
    reloads = Reloads(noting(done))
    running = asyncio.create_task(reloads.run())
    reloads.ask()
    await asyncio.sleep(1)
    assert done == [1]
    running.cancel()
