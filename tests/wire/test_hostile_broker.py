"""A broker that means harm, or is broken (devices/network/mqtt_socket.py, devices/network/mqtt_packets.py, mqtt.py)."""

import asyncio
import logging
import random
import resource
import socket
from contextlib import suppress

import pytest
from aiomqtt import MqttError, ProtocolVersion

from tests.memory import forget_peak, peak_mib
from tests.whole import until
from tests.wire.afar import kiosk
from tests.wire.broker import packet
from tests.wire.peers import tcp_server
from tests.wire.test_mqtt import connecting
from voiced.devices.network.endpoint import Endpoint
from voiced.devices.network.mqtt_socket import (
    MOST_PACKET_BYTES,
    MOST_UNSENT_PACKETS,
    Client,
    Opener,
)

pytestmark = pytest.mark.real_time

TAKEN = {5: b"\x20\x03\x00\x00\x00", 4: b"\x20\x02\x00\x00"}
SET_VOLUME = b"voiced/kitchen/set/volume"
MEGABYTE = 1024 * 1024


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))


def length(number):
    """Return a packet's length as MQTT writes it."""
    out = b""
    while True:
        number, byte = divmod(number, 128)
        out += bytes([byte | (128 if number else 0)])
        if not number:
            return out


def message(topic, payload=b"5", *, version=5, first=0x30):
    body = len(topic).to_bytes(2, "big") + topic + (b"\0" if version == 5 else b"") + payload
    return bytes([first]) + length(len(body)) + body


FORBIDDEN = {
    "a topic that is empty": message(b""),
    "a topic with #": message(b"voiced/#"),
    "a topic with +": message(b"voiced/+/set"),
    "a topic that is not UTF-8": message(b"\xff\xfe"),
    "a topic with a surrogate": message(b"voiced/\xed\xa0\x80"),
    "a topic with NUL": message(b"voiced/\0"),
    "a topic longer than its packet": b"\x30\x03\xff\xff\x00",
    "a topic of 64 KiB": message(b"x" * 65_535),
    "half a topic's length": b"\x30\x01\x00",
    "a message of nothing": b"\x30\x00",
    "a message of quality 2": message(SET_VOLUME, b"\0\1", first=0x34),
    "a message of quality 3": message(SET_VOLUME, b"\0\1", first=0x36),
    "a length without end": b"\x30\xff\xff\xff\xff\xff",
    "an acknowledgement of 200 MB": b"\x90" + length(200 * MEGABYTE),
    "a greeting of 16 MB": b"\x20" + length(16 * MEGABYTE),
    "a type that does not exist": b"\x00\x00",
    "a packet that only clients send": b"\x10\x00",
    "a subscription": b"\x82\x00",
    "a ping": b"\xc0\x00",
    "an acknowledgement of nothing": b"\x40\x00",
    "a broken property": b"\x30\x07\x00\x01x\x03\xff\xff\xff",
    "properties without end": b"\x30\x06\x00\x01x\xff\xff\xff",
}


class Broker:
    """Takes a device, answers its subscription and says something in between, in every connection."""

    def __init__(self, says, *, late, only=None):
        self.says, self.late, self.only = says, late, only
        self.versions, self.ended, self.ends_s = [], 0, []

    async def talk(self, reader, writer):
        loop = asyncio.get_running_loop()
        version = (await packet(reader))[6]
        self.versions.append(version)
        if self.only not in (None, version):
            return
        harm = self.says(version)
        writer.write(TAKEN[version] + (b"" if self.late else harm))
        if self.late:
            await reader.read(100)
            await asyncio.sleep(0.01)
            writer.write(harm)
        began_s = loop.time()
        with suppress(ConnectionError):  # it leaves what it has not read
            while await reader.read(65_536):
                pass
        self.ended += 1
        self.ends_s.append(loop.time() - began_s)


@pytest.mark.parametrize("late", [False, True], ids=["with its greeting", "later"])
async def test_a_broker_that_sends_what_mqtt_forbids_is_left_at_once(
    tmp_path, caplog, measured, late
):
    """The library reads some of it again and again, and tells of it each time."""
    caplog.set_level(logging.DEBUG)
    cases = iter(FORBIDDEN.values())
    broker = Broker(lambda _version: next(cases, FORBIDDEN["a ping"]), late=late)
    cpu_s = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    async with (
        tcp_server(broker.talk) as port,
        kiosk(tmp_path) as it,
        it.running(),
        connecting(it, port),
    ):
        await until(lambda: broker.ended >= len(FORBIDDEN), within_s=10)
        lines = [each for each in caplog.records if each.name.startswith(("voiced.", "mqtt"))]
        cpu_s = resource.getrusage(resource.RUSAGE_SELF).ru_utime - cpu_s
    assert len(lines) <= 3 * len(FORBIDDEN) + 20
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert max(broker.ends_s) < 5  # what the library takes for an end comes after 10 s
    measured(
        f"MQTT: {len(FORBIDDEN)} forbidden packets {'later' if late else 'with the greeting'}: each "
        f"left after {max(broker.ends_s) * 1000:.0f} ms at most, {len(lines)} log lines, "
        f"{cpu_s:.1f} s of CPU"
    )


@pytest.mark.parametrize("version", [5, 4])
async def test_a_message_of_200_megabytes_takes_no_memory_and_the_next_is_obeyed(
    tmp_path, caplog, measured, version
):
    caplog.set_level(logging.INFO, "voiced")
    huge, harm_sent = 200 * MEGABYTE, asyncio.Event()

    async def talk(reader, writer):
        found = (await packet(reader))[6]
        if found != version:
            return  # it hangs up on what it does not know
        writer.write(TAKEN[version])
        await reader.read(100)
        head = message(SET_VOLUME, b"", version=version)[2:]
        writer.write(b"\x30" + length(len(head) + huge) + head)
        for _ in range(200):
            writer.write(bytes(MEGABYTE))
            await writer.drain()
        writer.write(message(SET_VOLUME, b"5", version=version))
        harm_sent.set()
        await reader.read(1 << 20)
        await asyncio.sleep(30)

    async with (
        tcp_server(talk) as port,
        kiosk(tmp_path) as it,
        it.running(),
        connecting(it, port),
    ):
        forget_peak()
        before = peak_mib()
        await until(lambda: it.runtime.volume == 5, within_s=60)
        grown = peak_mib() - before
        assert harm_sent.is_set()
    told = [each.getMessage() for each in caplog.records if each.name.startswith("voiced.api.mqtt")]
    measured(f"MQTT {version}: a message of 200 MB took {grown:.1f} MiB")
    assert grown < 16
    assert f"mqtt.ignored: {SET_VOLUME.decode()}: more than 8192 bytes" in told


async def test_topics_that_were_not_asked_for_reach_neither_log_nor_memory(tmp_path, caplog):
    """Each is another one, as long as a packet lets it be, and what it holds is too long as well."""
    caplog.set_level(logging.DEBUG, "voiced")

    async def talk(reader, writer):
        version = (await packet(reader))[6]
        writer.write(TAKEN[version])
        await reader.read(100)
        for number in range(15):
            made_up = b"%d/" % number + b"t" * 6000
            writer.write(message(made_up, b"\0" * 9000, version=version, first=0x30 + number % 2))
        writer.write(message(SET_VOLUME, b"5", version=version))
        await reader.read(1 << 20)
        await asyncio.sleep(30)

    async with tcp_server(talk) as port, kiosk(tmp_path) as it, it.running():
        async with connecting(it, port):
            await until(lambda: it.runtime.volume == 5, within_s=30)
        told = [
            each.getMessage() for each in caplog.records if each.name.startswith("voiced.api.mqtt")
        ]
    assert not [line[:80] for line in told if "ignored" in line]


async def test_a_broker_that_hangs_up_on_mqtt_5_is_spoken_to_in_the_words_before(tmp_path, caplog):
    caplog.set_level(logging.INFO, "voiced")
    broker = Broker(lambda _version: b"", late=False, only=4)
    async with (
        tcp_server(broker.talk) as port,
        kiosk(tmp_path) as it,
        it.running(),
        connecting(it, port),
    ):
        await until(lambda: 4 in broker.versions)
        await asyncio.sleep(0.2)
        assert broker.versions == [5, 4]
    assert "mqtt.lost" not in caplog.text


async def test_a_broker_that_hangs_up_on_everything_is_told_of_at_once(tmp_path, caplog):
    async def talk(reader, _writer):
        await packet(reader)

    async with tcp_server(talk) as port, kiosk(tmp_path) as it, it.running():
        async with connecting(it, port):
            await until(lambda: "mqtt.lost" in caplog.text, within_s=3)
        assert f"127.0.0.1:{port} hung up instead of accepting the connection" in caplog.text


async def test_a_broker_that_sends_and_does_not_read_is_left():
    """What acknowledges its messages would pile up."""

    async def talk(reader, writer):
        await packet(reader)
        writer.write(TAKEN[5])
        writer.transport.pause_reading()
        order = message(SET_VOLUME, b"\0\1\0", version=4, first=0x32)  # its number, no properties
        while True:
            writer.write(order * 1000)
            await writer.drain()

    async with tcp_server(talk) as port:
        broker = Endpoint("mqtt", "127.0.0.1", port)
        opened = await Opener(broker, None).open()
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2048)
        client = Client(opened, broker, protocol=ProtocolVersion.V5, clean_start=True)
        try:
            with pytest.raises(MqttError):
                await asyncio.wait_for(_attend(client), 60)
        finally:
            client.cut()
    assert client.fault == "sends more than it reads"
    assert len(client._client._out_packet) <= MOST_UNSENT_PACKETS + 1


async def test_a_broker_that_never_answers_is_left_and_cancels_nobody():
    async def talk(reader, _writer):
        while await reader.read(1000):
            pass

    async with tcp_server(talk) as port:
        broker = Endpoint("mqtt", "127.0.0.1", port)
        opened = await Opener(broker, None).open()
        client = Client(opened, broker, protocol=ProtocolVersion.V5, clean_start=True)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await _attend(client)
        client.cut()
        assert not client.is_greeted
        assert asyncio.current_task().cancelling() == 0


@pytest.mark.parametrize("told", ["_on_socket_open", "_on_socket_register_write"])
async def test_the_number_of_a_closed_socket_is_left_to_who_has_it_next(told):
    async def talk(reader, _writer):
        await reader.read()

    loop = asyncio.get_running_loop()
    async with tcp_server(talk) as port:
        broker = Endpoint("mqtt", "127.0.0.1", port)
        opened = await Opener(broker, None).open()
        client = Client(opened, broker, protocol=ProtocolVersion.V5, clean_start=True)
        getattr(client, told)(client._client, None, opened)
        number = opened.fileno()
        opened.close()
        with socket.socket() as another:
            assert another.fileno() == number
            await asyncio.sleep(0.01)
            assert not loop.remove_reader(number)
            assert not loop.remove_writer(number)


async def _attend(client):
    async with client:
        async for _ in client.messages:
            pass


async def test_no_noise_after_the_greeting_holds_anything_up(tmp_path, caplog, measured):
    """Whatever comes, the connection goes on or ends, and the loop is free."""
    caplog.set_level(logging.DEBUG)
    noise = random.Random(16)
    tries = 100

    def harm(version):
        kinds = [
            lambda: noise.randbytes(noise.randint(1, 40)),
            lambda: bytes([noise.choice([0x30, 0x32, 0x3B])]) + _framed(noise.randbytes(20)),
            lambda: (
                bytes([noise.choice([0x40, 0x90, 0xB0, 0xE0, 0xF0, 0x20])])
                + _framed(noise.randbytes(noise.randint(0, 12)))
            ),
            lambda: message(SET_VOLUME, noise.randbytes(9), version=version),
        ]
        return b"".join(noise.choice(kinds)() for _ in range(3))

    broker = Broker(harm, late=False)

    async def talk(reader, writer):
        asyncio.get_running_loop().call_later(0.1, writer.close)
        await broker.talk(reader, writer)

    async with (
        tcp_server(talk) as port,
        kiosk(tmp_path) as it,
        it.running(),
        connecting(it, port),
        connecting(it, port),
        connecting(it, port),
    ):
        await until(lambda: broker.ended >= tries, within_s=60)
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]
    measured(f"MQTT: {broker.ended} connections with noise after the greeting, none held us up")


def _framed(body):
    return length(len(body)) + body


def test_the_limit_is_above_the_longest_order():
    assert MOST_PACKET_BYTES > 8 * 1024 + 256
