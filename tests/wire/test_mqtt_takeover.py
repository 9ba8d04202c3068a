"""A broker gives a device's place to whoever comes under the same id, and may say so (mqtt.py)."""

import logging

import pytest

from tests.whole import until
from tests.wire.afar import kiosk
from tests.wire.broker import HERE, packet
from tests.wire.peers import tcp_server
from tests.wire.test_mqtt import connecting

pytestmark = pytest.mark.real_time


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (
            142,
            ": Session taken over; another client has this device's id: is it a copy of its card?",
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
