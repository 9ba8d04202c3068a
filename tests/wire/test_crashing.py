"""Settings that no process survives: after three crashes the last good ones are back."""

import asyncio
import os
import signal
import sys
from contextlib import suppress

import pytest

from tests.whole import until
from tests.wire.afar import kiosk
from tests.wire.test_reloader import write_sound
from voiced.config.history import MOST_STARTS
from voiced.storage.settings_store import last_record

pytestmark = pytest.mark.real_time

SETTINGS = """\
version: 1
device: {{name: kitchen}}
agent: {{url: '{agent}', key: {{file: {folder}/key}}}}
audio:
  capture: {{device: 'wav:{folder}/in.wav', silent_after_s: 0}}
  playback: {{device: 'wav:{folder}/out.wav'}}
remote: {{url: '{server}/{{name}}.yaml', interval_s: 5, trial_s: 5, allow: [agent.protocol]}}
"""

KEPT_WITHIN_S = 40  # two starts of a daemon, when asked and tried for 5 s each, on a full machine


@pytest.fixture
def processes():
    """Those that were started; none outlives the test."""
    started = []
    yield started
    for process in started:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)


async def start(it, processes, *prefix):
    environment = {
        **os.environ,
        "STATE_DIRECTORY": str(it.folder / "state"),
        "RUNTIME_DIRECTORY": str(it.folder),
    }
    run = (sys.executable, "-m", "tests.wire.crashing", "run", "--config", str(it.path))
    process = await asyncio.create_subprocess_exec(*prefix, *run, env=environment)
    processes.append(process)
    return process


async def ends(process, within_s=20.0):
    return await asyncio.wait_for(process.wait(), within_s)


@pytest.mark.long
async def test_three_crashes_bring_the_last_good_settings_back(tmp_path, processes):
    async with kiosk(tmp_path) as it:
        write_sound(tmp_path / "in.wav")
        names = {"folder": tmp_path, "agent": it.agent.url, "server": it.server.url}
        it.path.write_text(SETTINGS.format(**names))
        it.server.put("revision: 1\naudio: {playback: {volume: 33}}\n")
        process = await start(it, processes)
        await until(lambda: good_revision(it) == 1, KEPT_WITHIN_S)
        it.server.put("revision: 2\nagent: {protocol: crash}\n")
        assert await ends(process) == 3
        for _ in range(MOST_STARTS - 1):
            assert await ends(await start(it, processes)) == 3
            assert kept(it).trial.revision == 2
        process = await start(it, processes)
        await until(lambda: kept(it).trial is None, KEPT_WITHIN_S)
        assert process.returncode is None
        record = kept(it)
        assert (record.good.revision, record.trial) == (1, None)
        assert "did not survive" in record.failed[0].reason
        for revision in (3, 4):  # a server that sends one that crashes after the other
            it.server.put(f"revision: {revision}\nagent: {{protocol: crash}}\n")
            await asyncio.sleep(7)
            assert process.returncode is None
        assert kept(it) == record
        process.terminate()
        assert await ends(process) == 0
        it.path.write_text(it.path.read_text() + "log: {level: warning}\n")
        it.server.put("revision: 5\naudio: {playback: {volume: 44}}\n")
        process = await start(it, processes)
        await until(lambda: good_revision(it) == 5, KEPT_WITHIN_S)
        process.terminate()
        assert await ends(process) == 0


def kept(it):
    return last_record(it.folder / "state", it.path)


def good_revision(it):
    return getattr(kept(it).good, "revision", None)
