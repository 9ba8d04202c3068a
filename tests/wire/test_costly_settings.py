"""Settings as large as they may be: the loop, on which sound goes on, has hardly anything to do with them."""

import asyncio
import time
from contextlib import asynccontextmanager

import pytest

from tests.unit.config.test_costs import SHAPES, Work
from tests.whole import until
from tests.wire.afar import REMOTE, kiosk

pytestmark = pytest.mark.real_time

N_KEYS = 1900
MOST_CALLS = 10_000
"""Of functions, on the loop's thread, for a file that costs ten times as many where it is checked."""


class Beside:
    """Counts the calls on the loop's thread that are more than the daemon makes at rest in the same time."""

    def __init__(self, at_rest):
        self.at_rest = at_rest
        self.calls = {}

    @asynccontextmanager
    async def count(self, name):
        began_s = time.monotonic()
        with Work() as work:
            yield
        self.calls[name] = work.calls - self.at_rest * (time.monotonic() - began_s)

    @property
    def too_costly(self):
        return {name: n for name, n in self.calls.items() if n > MOST_CALLS}


async def beside_rest():
    began_s = time.monotonic()
    with Work() as work:
        await asyncio.sleep(1)
    return Beside(work.calls / (time.monotonic() - began_s))


async def test_what_a_server_sends_is_read_and_checked_beside_the_loop(tmp_path, measured):
    async with kiosk(tmp_path, REMOTE) as it, it.running():
        it.server.put("revision: 0\n")
        assert (await it.following.remote.ask()).answered
        work = await beside_rest()
        for name, shape in SHAPES.items():
            it.server.put(shape(N_KEYS))
            it.following.reloader.may_try()
            async with work.count(name):
                await it.following.remote.ask()
        measured(
            f"{len(SHAPES)} large files from a server tried: "
            f"{max(work.calls.values()):.0f} calls on the loop's thread at most above those at rest"
        )
    assert work.too_costly == {}


async def test_the_devices_own_files_are_read_and_checked_beside_the_loop(tmp_path, measured):
    async with kiosk(tmp_path) as it, it.running():
        await until(lambda: it.record.local)
        drop_in = tmp_path / "conf.d" / "1.yaml"
        drop_in.parent.mkdir()
        work = await beside_rest()
        for name, shape in SHAPES.items():
            drop_in.write_text(shape(N_KEYS))
            async with work.count(name):
                await it.following.reloader.reload()
        measured(
            f"{len(SHAPES)} large drop-ins tried: {max(work.calls.values()):.0f} calls on the loop's thread at most above those at rest"
        )
    assert work.too_costly == {}
