"""The daemon's memory beside an agent and a broker that mean harm."""

import asyncio
import contextlib
import signal
import sys
import wave

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from tests import uncovered
from tests.memory import forget_peak, peak_mib
from tests.ports import free_port
from tests.whole import until
from tests.wire.broker import packet
from tests.wire.hostile_agent import (
    SCENARIOS,
    HostileAgent,
    calls_that_are_talked_over,
    somebody_who_begins_and_stops,
)
from tests.wire.peers import agent, tcp_server
from tests.wire.test_hostile_broker import MEGABYTE, SET_VOLUME, TAKEN, length, message

pytestmark = pytest.mark.real_time

MOST_MIB = 96
MOST_GROWTH_MIB = 35
"""Measured: 20 alone."""
SETTINGS = """\
version: 1
agent: {{url: 'ws://127.0.0.1:{agent}/v1/ws', key: {{file: {folder}/key}}}}
audio:
  capture: {{device: 'wav:{folder}/in.wav'}}
  playback: {{device: 'wav:{folder}/out.wav'}}
wake: {{mode: always}}
privacy: {{transcripts: true, transcript_lines: 10000}}
mqtt: {{host: 127.0.0.1, port: {broker}, tls: false}}
kiosk: {{listen: '127.0.0.1:{page}'}}
"""


async def broker(reader, writer):
    """Take a device, and send it messages of 20 MB again and again."""
    version = (await packet(reader))[6]
    writer.write(TAKEN[version])
    head = message(SET_VOLUME, b"", version=version)[2:]
    size = 20 * MEGABYTE
    while True:
        await asyncio.sleep(0.2)
        writer.write(b"\x30" + length(len(head) + size) + head)
        for _ in range(20):
            writer.write(bytes(MEGABYTE))
            await writer.drain()


async def viewer(port):
    """Look at the page, and never read what it shows."""
    while True:
        with contextlib.suppress(OSError, WebSocketException):
            here = f"127.0.0.1:{port}"
            async with connect(f"ws://{here}/live", origin=f"http://{here}", max_size=None) as live:
                await live.wait_closed()
        await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def daemon(folder, **ports):
    (folder / "key").write_text("quite-private\n")
    (folder / "key").chmod(0o600)
    with wave.open(str(folder / "in.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(bytes(320_000))
    (folder / "voiced.yaml").write_text(SETTINGS.format(folder=folder, **ports))
    folders = {"STATE_DIRECTORY": str(folder / "state"), "RUNTIME_DIRECTORY": str(folder)}
    with (folder / "log").open("w") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "voiced", "run", "--config", str(folder / "voiced.yaml")),
            env={**uncovered.environment(), **folders},
            stderr=log,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


@pytest.mark.long
async def test_neither_agent_nor_broker_fills_the_memory(tmp_path, measured):
    hostile, page, growth = HostileAgent(), free_port(), {}
    async with (
        agent(hostile.behave, max_size=None) as agent_port,
        tcp_server(broker) as broker_port,
        daemon(tmp_path, agent=agent_port, broker=broker_port, page=page) as process,
    ):
        watching = asyncio.create_task(viewer(page))
        await until(lambda: hostile.connections, within_s=30)
        before = peak_mib(process.pid)
        for number, scenario in enumerate(SCENARIOS):
            forget_peak(process.pid)
            async with asyncio.timeout(120):
                while len(hostile.done) <= number:
                    await asyncio.sleep(1)
                    process.send_signal(
                        signal.SIGHUP
                    )  # the owner wants it tried again: it waits ever longer
            assert process.returncode is None, (tmp_path / "log").read_text()[-2000:]
            growth[scenario.__name__] = peak_mib(process.pid)
        process.terminate()
        await asyncio.wait_for(process.wait(), 10)
        watching.cancel()
        await asyncio.wait([watching])
    log = (tmp_path / "log").read_text()
    worst = max(growth, key=growth.get)
    measured(
        f"memory: {before:.1f} MiB in peace, {growth[worst]:.1f} at most beside {len(SCENARIOS)} floods of an agent, "
        f"a broker that sends 20 MB messages and a page that nobody reads ({worst}); "
        f"{len(log.splitlines())} log lines"
    )
    assert growth[worst] <= MOST_MIB
    assert growth[worst] - before <= MOST_GROWTH_MIB
    assert process.returncode == 0
    assert "Traceback" not in log
    assert "\x1b" not in log


@pytest.mark.parametrize("scenario", [somebody_who_begins_and_stops, calls_that_are_talked_over])
async def test_no_agent_fills_the_journal(tmp_path, measured, scenario):
    hostile = HostileAgent([scenario])
    async with (
        agent(hostile.behave, max_size=None) as port,
        daemon(tmp_path, agent=port, broker=free_port(), page=free_port()) as process,
    ):
        await until(lambda: hostile.done, within_s=60)
        process.terminate()
        await asyncio.wait_for(process.wait(), 10)
    lines = (tmp_path / "log").read_text().splitlines()
    measured(f"{scenario.__name__}: {len(lines)} log lines")
    assert len(lines) < 1500
    assert any("like it before)" in line for line in lines)
