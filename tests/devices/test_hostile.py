"""Strangers harass the page, the broker and the agent flood the device while somebody talks: nobody hears of it.

The daemon is a process of its own, as on a device, so that its memory and its log are its own.
"""

import asyncio
import json
import os
import sys
import time
from contextlib import asynccontextmanager
from itertools import count

import pytest

from agentsim.assemblyai.server import serve_assemblyai
from agentsim.assemblyai.settings import Settings as StandIn
from tests.devices import hostile
from tests.devices.interrupting import BARGE_INS, silenced_ms
from tests.devices.rig import percentile
from tests.memory import forget_peak, peak_mib
from tests.ports import free_port
from tests.whole import until
from tests.wire.afar import QUICK

pytestmark = pytest.mark.real_time

# Whoever is interrupted as often as here hears its own voice, says the guard against echo.
SETTINGS = """\
version: 1
device: {{name: kitchen}}
agent: {{url: '{agent}', key: {{file: {folder}/key}}}}
audio:
  echo: headphones
  capture: {{device: vmic, silent_after_s: 0}}
  playback: {{device: vspk, volume: 100}}
sounds: {{earcons: false, causes: false}}
wake: {{mode: always}}
kiosk: {{listen: '0.0.0.0:{page}', names: [page.test]}}
mqtt: {{host: 127.0.0.1, port: {broker}, tls: false}}
"""
MOST_MIB = 96
MOST_LINES_A_MINUTE = 6
AS_BEFORE_MS = 10

REFUSALS = {
    "wrong host": {"421"},
    "wrong origin": {"403"},
    "no token": {"close 1008"},
    "wrong token": {"403", "429"},
    "wrong cookie": {"close 1008"},
    "traversal": {"404"},
    "traversal in disguise": {"404"},
    "huge header": {"431", "closed"},
}


class Device:
    """The daemon's process, what it logs, and the agent it talks to."""

    def __init__(self, folder, service, process):
        self.process, self._service, self._log = process, service, folder / "log"
        self._replies = count()

    @property
    def session(self):
        [session] = self._service.sessions
        return session

    def lines(self, *words):
        """Return what was logged, or of it the lines that hold one of the words."""
        lines = self._log.read_text().splitlines()
        return [line for line in lines if not words or any(word in line for word in words)]

    @property
    def n_unusual_lines(self):
        """How much was logged that a conversation in peace does not log."""
        return len(self.lines()) - len(self.lines(" status: "))

    @property
    def status(self):
        return next((line.split()[-1] for line in reversed(self.lines(" status: "))), None)

    def flood(self):
        """Send as much as an agent may that means harm and goes on talking."""
        values = [{"": 0}] * 5000
        self.session.send("of.no.type", x=values)
        reply_id = f"flood{next(self._replies)}"
        for start_ms in range(0, 20_000, 100):
            piece = {"reply_id": reply_id, "delta": "x" * 400, "start_ms": start_ms}
            self.session.send("transcript.agent.delta", **piece)
        for number in range(50):
            call = {"call_id": f"{reply_id}{number}", "name": "x" * 200, "arguments": {}}
            self.session.send("tool.call", **call)


@asynccontextmanager
async def device(folder, **ports):
    (folder / "key").write_text("k\n")
    (folder / "key").chmod(0o600)
    folders = {"STATE_DIRECTORY": str(folder / "state"), "RUNTIME_DIRECTORY": str(folder)}
    command = [sys.executable, "-m", "voiced", "run", "--config", str(folder / "voiced.yaml")]
    async with serve_assemblyai(StandIn(timing=QUICK)) as service:
        text = SETTINGS.format(folder=folder, agent=service.url, **ports)
        (folder / "voiced.yaml").write_text(text)
        with (folder / "log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *command, env={**os.environ, **folders}, stderr=log
            )
        try:
            it = Device(folder, service.service, process)
            await until(lambda: it.status == "listening", within_s=30)
            yield it
            process.terminate()
            assert await asyncio.wait_for(process.wait(), 10) == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


@asynccontextmanager
async def strangers(page, broker):
    """Have strangers ready.

    Yields: What waits until the device has found their broker, and what lets them loose and returns what came of it.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.devices.hostile", str(page), str(broker)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )

    async def harass():
        return json.loads((await process.communicate(b"go\n"))[0])

    try:
        yield process.stdout.readline, harass
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.long
async def test_strangers_a_broker_and_an_agent_mean_harm_and_a_conversation_goes_on(
    rig, tmp_path, measured
):
    page, broker = free_port(), free_port()
    async with (
        strangers(page, broker) as (found_broker, harass),
        device(tmp_path, page=page, broker=broker) as it,
    ):
        await asyncio.wait_for(found_broker(), 20)
        in_peace = await silenced_ms(rig, it)
        lines_in_peace, began_s = it.n_unusual_lines, time.monotonic()
        forget_peak(it.process.pid)
        harassing, harassed = asyncio.create_task(harass()), []
        while not harassing.done():
            harassed += await silenced_ms(rig, it, it.flood)
        found, minutes = await harassing, (time.monotonic() - began_s) / 60
        peak, lines = peak_mib(it.process.pid), it.n_unusual_lines - lines_in_peace
        assert len(await silenced_ms(rig, it)) == BARGE_INS
        xruns = it.lines("overrun", "underrun")
    for name, allowed in REFUSALS.items():
        assert sum(found[name].values()) == hostile.TIMES
        assert found[name].keys() <= allowed, name
    assert found["slow"] == {"closed": 8}
    assert "still open" not in found["bodiless"]
    assert found["crowd"]["sent away"] >= found["crowd"]["opened"] - 64
    assert found["broker"]["floods"]
    assert found["broker"]["forbidden"]
    before_ms, ms = percentile(in_peace, 50), percentile(harassed, 50)
    measured(
        f"interruption -> silence: p50 {before_ms:.1f}, max {max(in_peace):.1f} ms; "
        f"beside 200 hostile requests, {sum(found['malformed'].values())} malformed, "
        f"{sum(found['bodiless'].values())} without a body, {found['crowd']['opened']} connections, "
        f"{found['broker']['floods']} messages of 20 MB and {found['broker']['forbidden']} forbidden packets of a broker "
        f"and {len(harassed)} floods of the agent p50 {ms:.1f}, max {max(harassed):.1f} ms, "
        f"xruns {len(xruns)}, {lines} more log lines in {minutes:.1f} min, at most {peak:.1f} MiB"
    )
    assert xruns == []
    assert ms <= before_ms + AS_BEFORE_MS
    assert lines <= MOST_LINES_A_MINUTE * minutes
    assert peak <= MOST_MIB
    assert "Traceback" not in "\n".join(it.lines())
