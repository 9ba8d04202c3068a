"""Settings as large as they may be: the loop, on which sound goes on, has hardly anything to do with them."""

import pytest

from tests.unit.config.test_costs import SHAPES, Work
from tests.whole import until
from tests.wire.afar import REMOTE, kiosk

pytestmark = pytest.mark.real_time

N_KEYS = 1900
MOST_CALLS = 15_000
"""Of functions, on the loop's thread, for a file that costs ten times as many where it is checked."""


async def test_what_a_server_sends_is_read_and_checked_beside_the_loop(tmp_path, measured):
    calls = {}
    async with kiosk(tmp_path, REMOTE) as it, it.running():
        it.server.put("revision: 0\n")
        assert (await it.following.remote.ask()).answered
        for name, shape in SHAPES.items():
            it.server.put(shape(N_KEYS))
            it.following.reloader.may_try()
            with Work() as work:
                await it.following.remote.ask()
            calls[name] = work.calls
        measured(
            f"{len(SHAPES)} large files from a server tried: "
            f"{max(calls.values())} calls on the loop's thread at most"
        )
    assert {name: n for name, n in calls.items() if n > MOST_CALLS} == {}


async def test_the_devices_own_files_are_read_and_checked_beside_the_loop(tmp_path, measured):
    calls = {}
    async with kiosk(tmp_path) as it, it.running():
        await until(lambda: it.record.local)
        drop_in = tmp_path / "conf.d" / "1.yaml"
        drop_in.parent.mkdir()
        for name, shape in SHAPES.items():
            drop_in.write_text(shape(N_KEYS))
            with Work() as work:
                await it.following.reloader.reload()
            calls[name] = work.calls
        measured(
            f"{len(SHAPES)} large drop-ins tried: {max(calls.values())} calls on the loop's thread at most"
        )
    assert {name: n for name, n in calls.items() if n > MOST_CALLS} == {}
