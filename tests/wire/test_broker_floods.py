"""Brokers that send more than can be read at once: the loop goes on (devices/network/mqtt_socket.py, devices/network/mqtt_packets.py)."""

import asyncio
from contextlib import asynccontextmanager, suppress

import pytest
from aiomqtt import ProtocolVersion

from tests.wire.broker import packet
from tests.wire.pauses import MOST_PAUSE, pauses, steps_s
from tests.wire.peers import tcp_server
from tests.wire.test_hostile_broker import TAKEN, message
from voiced.devices.network.endpoint import Endpoint
from voiced.devices.network.mqtt_packets import CheckedSocket, PacketCheck
from voiced.devices.network.mqtt_socket import Client, Opener

pytestmark = pytest.mark.real_time

ANSWER = b"\xd0\x00"
"""To a ping that nobody sent."""

RECORD_BYTES = 16 * 1024


@pytest.fixture(scope="module")
def tls(authority):
    return authority.serving("broker")


@asynccontextmanager
async def taken(ca_file, tls, *pieces):
    """Yield a client of a broker that takes it and says these pieces, each in a record of its own."""

    async def talk(reader, writer):
        await packet(reader)
        for piece in (TAKEN[5], *pieces):
            writer.write(piece)
        await asyncio.sleep(60)

    async with tcp_server(talk, ssl=tls) as port:
        broker = Endpoint("mqtts", "localhost", port)
        opened = await Opener(broker, ca_file).open()
        client = Client(opened, broker, protocol=ProtocolVersion.V5, clean_start=True)
        try:
            async with client:
                yield client
        finally:
            client.cut()


async def test_records_that_end_within_a_packet_do_not_stop_the_loop(authority, tls, measured):
    """There always is something left in the TLS layer, and it must be read too."""
    shifted = (ANSWER * (RECORD_BYTES // 2))[1:] + ANSWER[:1]
    pieces = [ANSWER[:1], *[shifted] * 20, ANSWER[1:], message(b"a/b", b"last")]
    async with (
        pauses() as found,
        asyncio.timeout(30),
        taken(authority.ca_file, tls, *pieces) as client,
    ):
        async for each in client.messages:
            assert each.payload == b"last"
            break
    measured(f"MQTT: {20 * RECORD_BYTES} bytes of pings paused the loop {max(found) * 1000:.0f} ms")
    assert max(found) < MOST_PAUSE * steps_s()


async def test_what_only_the_tls_layer_holds_is_read_to_its_end(authority, tls):
    """No socket tells of it; reading takes several turns."""
    last = message(b"a/b", b"last")
    full = ANSWER * ((RECORD_BYTES - len(last)) // 2) + last
    async with asyncio.timeout(5), taken(authority.ca_file, tls, full) as client:
        async for each in client.messages:
            assert each.payload == b"last"
            break


class Drip:
    """A socket under TLS from which each reading gets one byte."""

    def __init__(self, data):
        self._left = list(data)
        self.n_read = 0

    def recv(self, _n_bytes):
        self.n_read += 1
        return bytes([self._left.pop(0)])

    def pending(self):
        return len(self._left)


def test_what_is_passed_over_is_read_once_at_a_time():
    """Records of one byte each would make one reading of a long message take for ever."""
    dripping = Drip(message(b"a/b", b"x" * 5000) + ANSWER)
    checked = CheckedSocket(dripping, PacketCheck(16))
    read, n_tries = b"", 0
    while checked.is_holding:
        before = dripping.n_read
        with suppress(BlockingIOError):
            read += checked.recv(1)
        n_tries += 1
        assert dripping.n_read - before <= 1
    assert read == b"\x30\x10" + message(b"a/b", b"x" * 5000)[3:19] + ANSWER
    assert n_tries >= 5000
