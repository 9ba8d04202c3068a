"""What happens to a device, and how its board fares, over MQTT with a real broker (mqtt_telling.py)."""

import asyncio
import json
from datetime import UTC, datetime

import pytest

from tests.ports import free_port
from tests.whole import until
from tests.wire.afar import kiosk
from tests.wire.broker import broker, home
from voiced.api import mqtt_publisher
from voiced.core.events import AlarmRang
from voiced.host import board
from voiced.ports import AlarmWish

pytestmark = [pytest.mark.real_time, pytest.mark.usefixtures("places")]

ROOT = "voiced/kitchen"
TIMERS = "tools: [set_timer]\n"


def settings(port):
    return f"mqtt: {{{{host: 127.0.0.1, port: {port}, tls: false}}}}\n", TIMERS


def diagnostics(seen):
    return json.loads(seen.seen.get(f"{ROOT}/diagnostics") or "{}")


async def test_a_conversation_and_an_alarm_are_told_as_they_happen_and_not_kept(
    tmp_path, unused_port
):
    events = []
    async with (
        broker(tmp_path, unused_port),
        kiosk(tmp_path, *settings(unused_port)) as it,
        it.running(),
        home(unused_port) as seen,
    ):
        await until(lambda: seen.availability() == "online")
        seen.heard = events.append
        await it.converse()
        await it.sleep()
        await until(lambda: len(events) == 2)
        it.runtime.dispatch(AlarmRang("timer-1", "Tell that the pizza is done."))
        await until(lambda: "alarm" in [each["event_type"] for each in events])
        assert events[:2] == [
            {"event_type": "conversation_started", "by": "test"},
            {"event_type": "conversation_ended"},
        ]
        assert "pizza" not in "".join(seen.seen.values())
        async with home(unused_port) as late:
            await until(lambda: len(late.kept) >= 4)
            assert f"{ROOT}/event" not in late.kept


async def test_what_happened_while_the_broker_was_away_is_not_told_as_if_it_were_now(
    tmp_path, unused_port
):
    events = []
    async with (
        broker(tmp_path, unused_port) as server,
        kiosk(tmp_path, *settings(unused_port)) as it,
        it.running(),
    ):
        async with home(unused_port) as seen:
            await until(lambda: seen.availability() == "online")
        server.kill()
        for _ in range(3):
            await it.converse()
            await it.sleep()
        await server.start()
        async with home(unused_port) as seen:
            seen.heard = events.append
            await until(lambda: seen.availability() == "online", within_s=15)
            await asyncio.sleep(0.3)
            assert events == []
            await it.converse()
            await until(lambda: events)
            assert events[0]["event_type"] == "conversation_started"


async def test_the_next_alarm_and_the_board_are_shown(tmp_path, unused_port, monkeypatch):
    heat = tmp_path / "heat"
    heat.write_text("51250\n")
    monkeypatch.setattr(board.temperature, "__defaults__", (heat,))
    async with (
        broker(tmp_path, unused_port),
        kiosk(tmp_path, *settings(unused_port)) as it,
        it.running(),
        home(unused_port) as seen,
    ):
        await until(lambda: seen.availability() == "online")
        found = diagnostics(seen)
        assert found["temperature"] == 51.2
        assert found["next_alarm"] is None
        started = datetime.fromisoformat(found["started"])
        assert abs((datetime.now(UTC) - started).total_seconds()) < 60
        alarm = await it.runtime.alarms.set(AlarmWish("timer", "pizza", after_s=600.0))
        await until(lambda: diagnostics(seen)["next_alarm"], within_s=8)
        rings_at = datetime.fromisoformat(diagnostics(seen)["next_alarm"])
        assert abs((rings_at - alarm.rings_at).total_seconds()) < 2
        count = seen.count
        await asyncio.sleep(6)
        assert seen.count == count  # nothing is told again while nothing has changed
        await it.runtime.alarms.cancel([alarm.alarm_id])
        await until(lambda: diagnostics(seen)["next_alarm"] is None, within_s=8)
        assert "pizza" not in "".join(seen.seen.values())


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        ("kiosk: {{listen: '0.0.0.0:PORT', names: [hall.test]}}\n", "http://hall.test:PORT/"),
        ("kiosk: {{listen: '0.0.0.0:PORT', names: ['fd00::5']}}\n", "http://[fd00::5]:PORT/"),
        ("kiosk: {{listen: '127.0.0.1:PORT', names: ['fd00::5']}}\n", "https://[fd00::5]/"),
        ("kiosk: {{listen: '127.0.0.1:PORT'}}\n", None),
        ("", None),
    ],
)
async def test_home_assistant_is_told_where_the_page_is_but_not_what_lets_one_in(
    tmp_path, unused_port, page, shown
):
    port, own = unused_port, str(free_port())
    async with (
        broker(tmp_path, port),
        kiosk(tmp_path, *settings(port), page.replace("PORT", own)) as it,
        it.running(),
        home(port) as seen,
    ):
        await until(lambda: seen.availability() == "online")
        [introduction] = [text for topic, text in seen.seen.items() if topic.endswith("/config")]
        expected = shown and shown.replace("PORT", own)
        assert json.loads(introduction)["device"].get("configuration_url") == expected
        assert "#" not in introduction


async def test_what_a_device_shows_is_introduced_again_when_it_is_another_thing(
    tmp_path, unused_port, monkeypatch
):
    """A page that comes and goes, and a Wi-Fi that is there only after the start."""
    wireless = tmp_path / "wireless"
    wireless.write_text("a\nb\n")
    monkeypatch.setattr(board.wifi_dbm, "__defaults__", (wireless,))
    own = str(free_port())
    page = f"kiosk: {{{{listen: '127.0.0.1:{own}', names: [hall.test]}}}}\n"
    async with (
        broker(tmp_path, unused_port),
        kiosk(tmp_path, *settings(unused_port)) as it,
        it.running(),
        home(unused_port) as seen,
    ):

        def introduced():
            found = [text for topic, text in seen.seen.items() if topic.endswith("/config")]
            return json.loads(found[0]) if found else {"device": {}, "components": {}}

        await until(lambda: seen.availability() == "online")
        assert "wifi" not in introduced()["components"]
        assert "configuration_url" not in introduced()["device"]
        wireless.write_text("a\nb\n wlan0: 0000   58.  -52.  -256\n")
        it.write(*settings(unused_port), page)
        await until(lambda: "configuration_url" in introduced()["device"], within_s=12)
        it.write(*settings(unused_port))
        await until(lambda: "configuration_url" not in introduced()["device"], within_s=12)
        monkeypatch.setattr(mqtt_publisher, "MEASURE_EVERY_S", 0.0)
        await until(lambda: "wifi" in introduced()["components"], within_s=12)
