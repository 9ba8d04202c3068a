"""A device that loses its place at a broker: to another of the same id, or while it was stopped (mqtt.py)."""

import asyncio
import logging
import os
import signal
import subprocess
import sys

import pytest

from tests.house.repository import ROOT
from tests.whole import until
from tests.wire.afar import kiosk
from tests.wire.broker import HERE, broker, home, packet
from tests.wire.peers import tcp_server
from tests.wire.test_mqtt import connecting

pytestmark = pytest.mark.real_time


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (
            142,
            ": Session taken over; another client uses this device's id: is its SD card a copy?",
        ),
        (139, ": Server shutting down"),
        (128, ""),
    ],
)
async def test_what_a_broker_says_when_it_hangs_up_is_told(
    tmp_path, monkeypatch, caplog, code, reason
):
    async def talk(reader, writer):
        await packet(reader)
        writer.write(bytes([0x20, 3, 0, 0, 0]))
        await packet(reader)
        writer.write(bytes([0xE0, 1, code]))
        await writer.drain()

    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    async with tcp_server(talk) as port, kiosk(tmp_path) as it, it.running():
        async with connecting(it, port):
            await until(lambda: "mqtt.lost" in caplog.text)
        told = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
        assert told[0] == f"mqtt.lost: the connection to {HERE}:{port} was lost{reason}"


CHILD = """
import asyncio, logging, sys
from pathlib import Path
from tests.wire.test_mqtt import connecting
from tests.wire.afar import kiosk

logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)

async def main():
    async with kiosk(Path(sys.argv[1])) as it, it.running():
        async with connecting(it, int(sys.argv[2])):
            while True:  # there is something to write at any moment
                await asyncio.sleep(0.02)
                it.following.control.mute(None)

asyncio.run(main())
"""


async def test_a_device_that_was_stopped_while_its_broker_went_says_no_more_than_that(
    tmp_path, unused_port
):
    told = tmp_path / "told"
    environment = {**os.environ, "STATE_DIRECTORY": str(tmp_path / "state")}
    async with broker(tmp_path, unused_port) as server:
        with told.open("wb") as output:
            command = (sys.executable, "-c", CHILD, str(tmp_path), str(unused_port))
            child = subprocess.Popen(command, cwd=ROOT, stderr=output, env=environment)  # noqa: ASYNC220
        try:
            for number in range(4):
                async with home(unused_port) as seen:
                    await until(lambda: seen.availability() == "online", within_s=20)
                    child.send_signal(signal.SIGSTOP)
                    await asyncio.sleep(0.3)
                server.kill()
                if number % 2:  # it wakes while nobody is there, or when another is
                    child.send_signal(signal.SIGCONT)
                    await asyncio.sleep(0.1)
                await server.start()
                child.send_signal(signal.SIGCONT)
            async with home(unused_port) as seen:
                await until(lambda: seen.availability() == "online", within_s=20)
        finally:
            child.kill()
            child.wait()
    lines = told.read_text().splitlines()
    assert "Traceback" not in told.read_text()
    assert not [line for line in lines if line.startswith(("ERROR", "CRITICAL"))]
