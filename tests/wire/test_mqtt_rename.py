"""A device that gets another name takes what it told under the old one away (mqtt.py, outside.py)."""

import asyncio

import pytest

from tests.whole import until
from tests.wire.afar import kiosk
from tests.wire.broker import broker, home
from voiced.api.mqtt import SHOW_WITHIN_S

pytestmark = [pytest.mark.real_time, pytest.mark.usefixtures("places")]

MQTT = "mqtt: {{host: 127.0.0.1, port: PORT, tls: false}}\n"


@pytest.mark.parametrize(
    ("old", "new", "topics"),
    [
        ("name: kitchen", "name: lobby", "voiced/lobby"),
        ("tls: false", "tls: false, prefix: house", "house/kitchen"),
    ],
)
async def test_what_was_told_under_another_name_is_taken_away(
    tmp_path, unused_port, old, new, topics
):
    async with (
        broker(tmp_path, unused_port),
        kiosk(tmp_path, MQTT.replace("PORT", str(unused_port))) as it,
        it.running(),
    ):
        async with home(unused_port) as seen:
            await until(lambda: seen.seen.get("voiced/kitchen/availability") == "online")
        it.path.write_text(it.path.read_text().replace(old, new))
        async with home(unused_port) as seen:
            await until(lambda: seen.seen.get(f"{topics}/availability") == "online", within_s=15)
            await until(lambda: seen.seen.get("voiced/kitchen/state") == "", within_s=5)
        async with home(unused_port) as late:
            await until(lambda: len(late.kept) >= 4)
            assert {topic for topic in late.kept if not topic.startswith("homeassistant/")} == {
                f"{topics}/availability",
                f"{topics}/diagnostics",
                f"{topics}/state",
            }
            assert sum(topic.startswith("homeassistant/") for topic in late.kept) == 1


@pytest.mark.parametrize(
    ("old", "new", "left"),
    [
        ("mqtt: {host: 127.0.0.1", "mqtt: {discovery: none, host: 127.0.0.1", 3),
        ("name: kitchen", "name: lobby", 4),
        ("tls: false", "tls: false, prefix: house", 4),
    ],
)
@pytest.mark.parametrize("is_off", [False, True])
async def test_nothing_stays_behind_whether_it_runs_or_is_off_when_it_is_renamed(
    tmp_path, unused_port, old, new, left, is_off
):
    mqtt = MQTT.replace("PORT", str(unused_port))
    async with (
        broker(tmp_path, unused_port),
        kiosk(tmp_path, mqtt) as it,
        home(unused_port) as seen,
    ):
        async with it.running():
            await until(lambda: seen.availability() == "online")
            if not is_off:
                it.path.write_text(it.path.read_text().replace(old, new))
                await asyncio.sleep(2)
        if is_off:
            it.path.write_text(it.path.read_text().replace(old, new))
        async with it.running():
            await until(lambda: len(retained(seen)) == left, within_s=15)


async def test_nothing_stays_behind_when_the_section_is_removed(tmp_path, unused_port):
    mqtt = MQTT.replace("PORT", str(unused_port))
    async with (
        broker(tmp_path, unused_port),
        kiosk(tmp_path, mqtt) as it,
        home(unused_port) as seen,
    ):
        async with it.running():
            await until(lambda: len(retained(seen)) == 4)
            it.path.write_text(
                it.path.read_text().replace(mqtt.replace("{{", "{").replace("}}", "}"), "")
            )
            await until(lambda: len(retained(seen)) == 0, within_s=10)
        async with it.running():
            await asyncio.sleep(1)
        assert retained(seen) == {}


async def test_two_devices_of_one_name_are_told_so(tmp_path, unused_port, caplog):
    mqtt = MQTT.replace("PORT", str(unused_port))
    async with (
        broker(tmp_path, unused_port),
        kiosk(tmp_path, mqtt) as it,
        it.running(),
        home(unused_port) as seen,
    ):
        await until(lambda: seen.availability() == "online")
        for _ in range(3):
            await seen.keep("voiced/kitchen/state", '{"id": "voiced_other"}')
        warning = "mqtt.ignored: voiced/kitchen/state: another device with this name publishes there; give each its own name"
        await until(lambda: warning in caplog.messages)
        await asyncio.sleep(0.5)
        assert caplog.messages.count(warning) == 1


def retained(seen):
    """Return what the broker keeps: what was published last and is not empty."""
    return {topic: text for topic, text in seen.seen.items() if text and "/set/" not in topic}


@pytest.mark.parametrize("told", ['{"id": "voiced_other"}', "[" * 4000, '{"status": "asleep"}'])
async def test_what_another_device_of_the_old_name_tells_is_left_alone(tmp_path, unused_port, told):
    async with (
        broker(tmp_path, unused_port),
        kiosk(tmp_path, MQTT.replace("PORT", str(unused_port))) as it,
        it.running(),
        home(unused_port) as seen,
    ):
        await until(lambda: seen.seen.get("voiced/kitchen/availability") == "online")
        await seen.keep("voiced/kitchen/state", told)
        it.path.write_text(it.path.read_text().replace("name: kitchen", "name: lobby"))
        await until(lambda: seen.seen.get("voiced/lobby/availability") == "online", within_s=15)
        await asyncio.sleep(SHOW_WITHIN_S / 2)
        async with home(unused_port) as late:
            await until(lambda: len(late.kept) >= 5)
            assert late.kept["voiced/kitchen/state"] == told
            assert "voiced/kitchen/availability" in late.kept


@pytest.mark.parametrize("said", ["", "offline"])
async def test_a_device_of_which_another_says_that_it_is_gone_tells_that_it_is_there(
    tmp_path, unused_port, said
):
    async with (
        broker(tmp_path, unused_port),
        kiosk(tmp_path, MQTT.replace("PORT", str(unused_port))) as it,
        it.running(),
        home(unused_port) as seen,
    ):
        topics = [f"voiced/kitchen/{end}" for end in ("state", "availability")]
        await until(lambda: seen.seen.get(topics[1]) == "online")
        for topic in topics:
            await seen.keep(topic, said)
        await until(lambda: seen.seen.get(topics[1]) == said)
        await until(lambda: seen.seen.get(topics[1]) == "online", within_s=5)
        assert seen.state()["id"]
