"""A device over MQTT, with a real broker (mqtt.py, devices/network/mqtt_socket.py)."""

import asyncio
import logging
import re
import sys
import time
import tracemalloc
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.unit.api.test_home_assistant import check_introduction
from tests.whole import until
from tests.wire.afar import kiosk
from tests.wire.broker import HERE, begin, broker, home, open_files, packet, used_kib
from tests.wire.peers import tcp_server
from voiced.api.mqtt import Mqtt
from voiced.api.mqtt_payloads import Device
from voiced.config.schema_services import MqttSection
from voiced.config.secret import Secret
from voiced.lib.backoff import Backoff
from voiced.storage.mqtt_retained import BrokerTraces
from voiced.storage.state_store import StateStore

pytestmark = pytest.mark.real_time

KITCHEN = Device("kitchen", "10000000abcd")
INTRODUCTION = "homeassistant/device/voiced_10000000abcd/config"
ROOT = Path(__file__).parents[2]
QUICK = Backoff(0.05, 0.2, 30.0)


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))


@pytest.fixture
def told(caplog):
    """What the log says of MQTT, from INFO on."""
    caplog.set_level(logging.INFO, "voiced")

    def lines(level=logging.INFO):
        everybody = level == logging.DEBUG
        return [
            each.getMessage()
            for each in caplog.records
            if each.levelno >= level and (everybody or each.name.startswith("voiced.api.mqtt"))
        ]

    yield lines
    records = caplog.get_records("call")
    assert not [each for each in records if each.levelno >= logging.ERROR]


@pytest.fixture
def whispered(told, caplog):
    """The same, and at DEBUG what all parts say."""
    caplog.set_level(logging.DEBUG, "voiced")
    return told


@asynccontextmanager
async def connecting(it, port, revision=lambda: "r7", **section):
    """Run the connection of a daemon, until the end or until `leave` is called."""
    whole = MqttSection(**{"host": HERE, "port": port, "tls": False} | section)
    traces = BrokerTraces(StateStore(it.path.parent / "traces"))
    part = Mqtt(whole, KITCHEN, it.following.control, revision, traces, backoff=QUICK)
    task = asyncio.create_task(part.run())

    async def leave():
        task.cancel()
        await asyncio.wait([task], timeout=2)
        assert task.cancelled()

    try:
        yield leave
    finally:
        await leave()


@asynccontextmanager
async def connected(folder, port, *, unmute=False, **options):
    """A daemon, its broker and a home, all in touch."""
    async with (
        broker(folder, port) as server,
        kiosk(folder, **options) as it,
        it.running(),
        connecting(it, port, unmute=unmute) as leave,
        home(port) as seen,
    ):
        await until(lambda: seen.availability() == "online")
        it.server, it.leave = server, leave
        yield it, seen


async def test_a_device_appears_by_itself(tmp_path, unused_port):
    async with connected(tmp_path, unused_port) as (_, seen):
        check_introduction(seen.seen[INTRODUCTION])
        now = seen.state()
        assert (now["status"], now["muted"], now["volume"]) == ("asleep", False, 70)
        assert (now["revision"], now["problem"]) == ("r7", False)
        async with home(unused_port) as late:
            await until(lambda: len(late.kept) == 4)
            assert late.kept == seen.seen


async def test_the_revision_of_the_settings_is_followed(tmp_path, unused_port):
    revisions = ["r7"]
    async with (
        broker(tmp_path, unused_port),
        kiosk(tmp_path) as it,
        it.running(),
        connecting(it, unused_port, lambda: revisions[-1]),
        home(unused_port) as seen,
    ):
        await until(lambda: seen.state().get("revision") == "r7")
        revisions.append("r8")
        await until(lambda: seen.state()["revision"] == "r8")


async def test_home_assistant_is_answered_when_it_starts(tmp_path, unused_port):
    async with connected(tmp_path, unused_port) as (_, seen):
        for topic in [*seen.seen]:
            del seen.seen[topic]
        await seen.publish("homeassistant/status", "offline")
        await seen.publish("homeassistant/status", "online")
        await until(lambda: len(seen.seen) == 5)
        check_introduction(seen.seen[INTRODUCTION])
        assert seen.availability() == "online"
        assert seen.count == 10


async def test_nobody_is_introduced_to_who_is_not_wanted(tmp_path, unused_port):
    section = {"discovery": "none", "prefix": "house/voices"}
    async with (
        broker(tmp_path, unused_port),
        kiosk(tmp_path) as it,
        it.running(),
        connecting(it, unused_port, **section),
        home(unused_port) as seen,
    ):
        await until(lambda: seen.availability(prefix="house/voices") == "online")
        assert sorted(seen.seen) == [
            "house/voices/kitchen/availability",
            "house/voices/kitchen/diagnostics",
            "house/voices/kitchen/state",
        ]


async def test_a_device_that_leaves_says_so(tmp_path, unused_port, measured):
    async with connected(tmp_path, unused_port) as (it, seen):
        began_s = time.monotonic()
        await it.leave()
        took_s = time.monotonic() - began_s
        await until(lambda: seen.availability() == "offline", within_s=1)
        measured(f"MQTT: goodbye took {took_s * 1000:.0f} ms")


async def test_a_device_can_leave_at_any_moment(tmp_path, unused_port):
    async with broker(tmp_path, unused_port), kiosk(tmp_path) as it, it.running():
        for number in range(60):
            async with connecting(it, unused_port) as leave:
                if number % 2:
                    await asyncio.sleep(0.1)
                    it.following.control.mute(None)
                await asyncio.sleep(number * 0.0002)
                await leave()


@pytest.mark.parametrize("when", ["connected", "connecting"])
async def test_a_broker_that_hangs_does_not_hold_up_the_end(tmp_path, unused_port, when):
    async with broker(tmp_path, unused_port) as server, kiosk(tmp_path) as it, it.running():
        if when == "connecting":
            server.pause()
        async with connecting(it, unused_port) as leave:
            await asyncio.sleep(0.5)
            server.pause()
            began_s = time.monotonic()
            await leave()
            assert time.monotonic() - began_s < 1.5


CHILD = """
import asyncio, sys
from pathlib import Path
from tests.wire.test_mqtt import connecting
from tests.wire.afar import kiosk

async def main():
    async with kiosk(Path(sys.argv[1])) as it, it.running():
        async with connecting(it, int(sys.argv[2])):
            await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_device_that_dies_is_missed(tmp_path, unused_port):
    async with broker(tmp_path, unused_port), home(unused_port) as seen:
        command = (sys.executable, "-c", CHILD, str(tmp_path), str(unused_port))
        child = begin(*command, cwd=ROOT)
        try:
            await until(lambda: seen.availability() == "online", within_s=20)
        finally:
            child.kill()
            child.wait()
        await until(lambda: seen.availability() == "offline", within_s=5)


async def test_every_restart_of_the_broker_finds_the_state_right(
    tmp_path, unused_port, measured, told
):
    back_ms, memory_kib, files = [], [], []
    async with (
        broker(tmp_path, unused_port) as server,
        kiosk(tmp_path) as it,
        it.running(),
        connecting(it, unused_port),
    ):
        await until(told)
        tracemalloc.start()
        for number in range(20):
            server.kill()
            it.following.control.mute(number % 2 == 0)
            it.following.control.set_volume(number)
            await server.start()
            began_s = time.monotonic()
            async with home(unused_port) as seen:
                await until(lambda: seen.availability() == "online")
                back_ms.append((time.monotonic() - began_s) * 1000)
            async with home(unused_port) as seen:
                await until(lambda: len(seen.kept) == 4)
                assert (seen.state()["muted"], seen.state()["volume"]) == (number % 2 == 0, number)
                assert seen.state()["status"] == ("muted" if number % 2 == 0 else "asleep")
                check_introduction(seen.kept[INTRODUCTION])
            memory_kib.append(used_kib() if number in (4, 19) else 0)
            files.append(open_files())
        tracemalloc.stop()
        grown_kib = memory_kib[19] - memory_kib[4]
        back_ms.sort()
        measured(
            f"MQTT: 20 restarts of the broker: state right after p50 {back_ms[10]:.0f}, max "
            f"{back_ms[-1]:.0f} ms; memory of the last 15: {grown_kib:+.1f} KiB"
        )
        assert grown_kib < 100
        assert files[-1] <= files[4]
        lost = [line for line in told() if line.startswith("mqtt.lost")]
        back = [line for line in told() if line.startswith("mqtt.connected")]
        assert (len(lost), len(back)) == (20, 21)
        assert lost[0] == f"mqtt.lost: the connection to {HERE}:{unused_port} was lost"


async def test_a_daemon_that_is_there_first_finds_its_broker(tmp_path, unused_port, told):
    async with kiosk(tmp_path) as it, it.running(), connecting(it, unused_port):
        await asyncio.sleep(0.5)
        async with broker(tmp_path, unused_port), home(unused_port) as seen:
            await until(lambda: seen.availability() == "online")
            assert seen.state()["status"] == "asleep"
        here = f"{HERE}:{unused_port}"
        assert told()[:2] == [
            f"mqtt.lost: {here} refused the connection; nothing listens there",
            f"mqtt.connected: {here}",
        ]


async def test_the_newest_connection_of_a_device_is_the_one(tmp_path, unused_port):
    async with connected(tmp_path, unused_port) as (it, seen):
        await it.leave()
        async with connecting(it, unused_port), connecting(it, unused_port) as leave:
            await asyncio.sleep(0.5)
            await leave()
            await until(lambda: seen.availability() == "online", within_s=5)
            await asyncio.sleep(0.3)
            assert seen.availability() == "online"


async def test_what_was_ordered_while_nobody_was_there_is_not_done(tmp_path, unused_port, told):
    async with connected(tmp_path, unused_port) as (it, seen):
        await it.leave()
        await seen.tell("volume", "1")
        await seen.tell("mute", "ON", retain=True)
        async with connecting(it, unused_port):
            await until(lambda: told(logging.WARNING))
            await until(lambda: seen.availability() == "online")
            await asyncio.sleep(0.2)
            assert (it.runtime.conversation.muted, it.runtime.volume) == (False, 70)
            assert told(logging.WARNING) == [
                "mqtt.ignored: voiced/kitchen/set/mute: it was retained, so it may be old"
            ]


@pytest.mark.parametrize(
    ("order", "payload", "why"),
    [
        ("mute", "hotel", "not understood; use on, off, toggle"),
        ("volume", "hotel", "not understood; use 0 to 100"),
        ("volume", "101", "not understood; use 0 to 100"),
        ("volume", "-1", "not understood; use 0 to 100"),
        ("volume", "", "not understood; use 0 to 100"),
        ("say", "  ", "there is nothing to say"),
        ("say", "hotel" * 401, "that is too long; 2000 characters at most"),
        ("say", "hotel" * 1640, "more than 8192 bytes"),
        ("talk", "hotel" * 1640, "more than 8192 bytes"),
        ("say", b"hotel\xff", "not UTF-8"),
    ],
)
async def test_what_cannot_be_done_is_told_without_its_words(
    tmp_path, unused_port, whispered, order, payload, why
):
    async with connected(tmp_path, unused_port) as (it, seen):
        for _ in range(3):
            await seen.tell(order, payload)
        await seen.tell("volume", "5")
        await until(lambda: it.runtime.volume == 5)
        n_told = 3 if order == "say" and why.startswith(("there", "that")) else 1
        warning = f"mqtt.ignored: voiced/kitchen/set/{order}: {why}"
        assert whispered(logging.WARNING) == [warning] * n_told
        assert it.status == "asleep"
        assert "hotel" not in "".join(whispered(logging.DEBUG))


async def test_what_is_far_too_large_does_not_even_arrive(tmp_path, unused_port, told):
    async with connected(tmp_path, unused_port) as (it, seen):
        for _ in range(3):
            await seen.tell("say", b"x" * 18_000)
        await seen.tell("volume", "5")
        await until(lambda: it.runtime.volume == 5)
        assert told(logging.WARNING) == []


async def test_a_flood_of_orders_is_dammed(tmp_path, unused_port, told):
    async with connected(tmp_path, unused_port) as (it, seen):
        await asyncio.gather(*(seen.tell("volume", str(number % 100)) for number in range(500)))
        await asyncio.sleep(0.5)
        assert told(logging.WARNING) == ["mqtt.ignored: more than 10 commands a second"]
        await asyncio.sleep(2)
        await seen.tell("volume", "77")
        await until(lambda: it.runtime.volume == 77)


async def test_a_broker_is_reached_under_tls_by_name_and_password(
    tmp_path, unused_port, authority, serving, told
):
    (tmp_path / "password").write_text("kitchen-secret\n")
    section = {
        "host": "localhost",
        "tls": True,
        "ca_file": authority.ca_file,
        "username": "kitchen",
        "password": Secret("file", str(tmp_path / "password")),
    }
    options = {"authority": authority, "certificate": "good"}
    async with (
        broker(tmp_path, unused_port, users={"kitchen": "kitchen-secret"}, **options) as server,
        kiosk(tmp_path) as it,
        it.running(),
        connecting(it, unused_port, **section),
    ):
        await until(lambda: told() == [f"mqtt.connected: localhost:{unused_port}"])
        server.kill()
        server.admit(kitchen="other-secret")
        await server.start()
        refusal = (
            "mqtt.lost: the broker refuses user kitchen; check mqtt.username and mqtt.password"
        )
        await until(lambda: refusal in told())
        await asyncio.sleep(1)
        assert told().count(refusal) == 1
        (tmp_path / "password").write_text("other-secret\n")
        await until(lambda: told()[-1] == f"mqtt.connected: localhost:{unused_port}")
        assert "secret" not in "".join(told())


@pytest.mark.parametrize(
    "case",
    [
        (None, "elsewhere", "the certificate of {here} is not signed by a known authority"),
        ("nothing.pem", "elsewhere", "the CA file .*nothing.pem cannot be read"),
        ("elsewhere.key", "elsewhere", "the CA file .*elsewhere.key contains no certificate"),
        ("ca.pem", "elsewhere", "the certificate of {here} belongs to another"),
        ("ca.pem", None, "{here} cut the connection|{here} does not speak proper TLS"),
    ],
)
async def test_a_broker_that_may_be_another_is_refused(
    tmp_path, unused_port, authority, told, case
):
    ca_file, certificate, why = case
    authority.serving("elsewhere", names="DNS:elsewhere.test")
    section = {"ca_file": ca_file and str(authority.folder / ca_file)}
    async with (
        broker(tmp_path, unused_port, authority=authority, certificate=certificate),
        kiosk(tmp_path) as it,
        it.running(),
        connecting(it, unused_port, tls=True, **section),
    ):
        await until(told, within_s=15)
        await asyncio.sleep(0.5)
        [line] = told()
        assert re.match("mqtt.lost: " + why.format(here=f"{HERE}:{unused_port}"), line)


async def test_a_user_who_may_not_listen_is_told_so(tmp_path, told):
    async def talk(reader, writer):
        await packet(reader)
        writer.write(bytes([0x20, 3, 0, 0, 0]))
        wanted = await packet(reader)
        writer.write(bytes([0x90, 10, *wanted[:2], 0, 1, 1, 0x87, 1, 1, 1, 1]))
        await reader.read()

    async with tcp_server(talk) as port, kiosk(tmp_path) as it, it.running():
        async with connecting(it, port):
            await until(told)
        why = "voiced/kitchen/set/press: the broker does not let this user read it"
        assert told() == [f"mqtt.ignored: {why}"]


async def test_nobody_without_a_user_is_let_in_by_a_broker_that_wants_one(
    tmp_path, unused_port, told
):
    async with (
        broker(tmp_path, unused_port, users={"kitchen": "secret"}),
        kiosk(tmp_path) as it,
        it.running(),
        connecting(it, unused_port),
    ):
        await until(told)
        why = "the broker requires a user name; set mqtt.username and mqtt.password"
        assert told() == [f"mqtt.lost: {why}"]


async def test_a_missing_password_is_told_and_waited_for(tmp_path, unused_port, told):
    section = {"username": "kitchen", "password": Secret("file", str(tmp_path / "password"))}
    async with (
        broker(tmp_path, unused_port, users={"kitchen": "secret"}),
        kiosk(tmp_path) as it,
        it.running(),
        connecting(it, unused_port, **section),
    ):
        await until(told)
        assert "does not exist" in told()[0]
        (tmp_path / "password").write_text("secret\n")
        await until(lambda: told()[-1].startswith("mqtt.connected"))
        assert len(told()) == 2


async def test_a_broker_of_an_older_kind_is_spoken_to_in_its_words(tmp_path, told):
    versions = []

    async def talk(reader, writer):
        body = await packet(reader)
        assert body[2:6] == b"MQTT"
        version = body[6]
        versions.append(version)
        writer.write(bytes([0x20, 2, 0, 1 if version == 5 else 3]))
        await reader.read()

    async with tcp_server(talk) as port, kiosk(tmp_path) as it, it.running():
        async with connecting(it, port):
            await until(lambda: len(versions) >= 3)
        assert versions[:3] == [5, 4, 4]
        assert len(told()) == 1
