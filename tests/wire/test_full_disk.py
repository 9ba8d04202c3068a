"""A real disk that is full or read-only under a daemon that is a process: nothing confirmed, nothing lost."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress

import pytest

from tests.whole import until
from tests.wire.afar import kiosk
from tests.wire.small_disk import SmallDisk, root_is_needed
from tests.wire.test_crashing import SETTINGS, ends, start
from tests.wire.test_reloader import write_sound
from tests.wire.timed import SPEECH, Device, agent, send_to_sleep, set_by_voice
from voiced.config import history as rec
from voiced.storage.state_files import ALARMS, VOLUME
from voiced.storage.state_files import SETTINGS as RECORD

pytestmark = [pytest.mark.real_time, pytest.mark.long]

REASONS = {"full": "No space left on device", "read-only": "Read-only file system"}


@pytest.fixture
def disk(tmp_path):
    root_is_needed()
    with SmallDisk(tmp_path / "state") as it:
        yield it


@pytest.fixture
def daemons():
    """Those that were started; none outlives the test."""
    found = []
    yield found
    for process in found:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)


async def voiced(folder, *arguments):
    """Run a command beside the daemon; return what it prints."""
    environment = {**os.environ, "RUNTIME_DIRECTORY": str(folder)}
    command = [sys.executable, "-m", "voiced", *arguments]
    done = await asyncio.to_thread(
        subprocess.run, command, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def kept(disk, spec):
    return json.loads((disk.inside / spec.name).read_bytes())


@pytest.mark.parametrize("how", REASONS)
async def test_a_timer_is_not_confirmed_and_the_volume_is_written_later(tmp_path, disk, how):
    async with agent("set a timer for 30 seconds") as server:
        device = Device(tmp_path, server.url)
        device.prefix = disk.prefix
        async with device.on(speech=SPEECH) as it:
            await until((disk.inside / VOLUME.name).exists)
            disk.break_down(how)
            await set_by_voice(server, it)
            [result] = server.service.events.find("received", type="tool.result")
            assert result["is_error"]
            assert not re.search("was set|broke", it.log)
            await voiced(tmp_path, "volume", "33")
            await asyncio.sleep(2 * VOLUME.wait_s)
            assert "cannot be written" in it.log
            shown = await voiced(tmp_path, "status")
            assert REASONS[how] in shown
            assert VOLUME.name in shown
            disk.mend(how)
            await until(lambda: "can be written again" in it.log, within_s=90)
            assert it.log.count("cannot be written") == 1
            assert kept(disk, VOLUME)["volume"] == 33
            assert kept(disk, ALARMS) == []
            assert REASONS[how] not in await voiced(tmp_path, "status")
            await send_to_sleep(server, it)
        async with device.on():
            assert "volume 33 %" in await voiced(tmp_path, "status")


async def test_settings_that_end_the_daemon_are_not_begun_until_they_can_be_taken_back(
    tmp_path, disk, daemons
):
    """On a disk that was full, eight starts of eight died of them, without end."""
    async with kiosk(tmp_path) as it:
        write_sound(tmp_path / "in.wav")
        names = {"folder": tmp_path, "agent": it.agent.url, "server": it.server.url}
        it.path.write_text(SETTINGS.format(**names))
        disk.break_down("full")
        it.server.put("revision: 2\nagent: {protocol: crash}\n")
        process = await start(it, daemons, *disk.prefix)
        await until(lambda: it.server.asked.count("/kitchen.yaml") >= 2, within_s=40)
        assert process.returncode is None
        assert "is not tried, because it could not be reverted" in await voiced(tmp_path, "status")
        disk.mend("full")
        assert await ends(process, 60) == 3
        assert rec.decode((disk.inside / RECORD.name).read_bytes()).trial.revision == 2
        disk.break_down("full")  # a start that cannot be counted leaves it out
        process = await start(it, daemons, *disk.prefix)
        await asyncio.sleep(8)
        assert process.returncode is None
        process.terminate()
        assert await ends(process) == 0
