"""What a device is told over MQTT, and does (mqtt_orders.py)."""

import asyncio
import time

import pytest

from tests.whole import until
from tests.wire.test_mqtt import connected

pytestmark = [pytest.mark.real_time, pytest.mark.usefixtures("places")]

BY_HAND = (
    "the microphone can only be switched on at the device; `mqtt.unmute: true` lets others do it"
)


async def test_every_order_is_obeyed(tmp_path, unused_port):
    async with connected(tmp_path, unused_port, unmute=True, keep_heard=True) as (it, seen):
        for order, payload, status in [
            ("talk", "PRESS", "listening"),
            ("end", "PRESS", "asleep"),
            ("press", None, "listening"),
            ("press", None, "asleep"),
            ("mute", "ON", "muted"),
            ("mute", "off", "asleep"),
            ("mute", "toggle", "muted"),
            ("mute", "toggle", "asleep"),
        ]:
            await seen.tell(order, payload)
            await until(lambda status=status: seen.state()["status"] == status)
            assert it.status == status
        await seen.tell("volume", "12")
        await until(lambda: it.runtime.volume == 12 == seen.state()["volume"])
        await seen.tell("say", "dinner is ready")
        await until(lambda: seen.state()["status"] == "speaking")
        assert "dinner" not in "".join(text for at, text in seen.seen.items() if "set" not in at)


@pytest.mark.parametrize("order", ["mute", "talk", "press", "say", "volume", "end"])
@pytest.mark.parametrize("payload", ["OFF", "toggle", "PRESS", "50"])
async def test_no_order_switches_the_microphone_on_again(
    tmp_path, unused_port, caplog, order, payload
):
    async with connected(tmp_path, unused_port) as (it, seen):
        await seen.tell("mute", "ON")
        await until(lambda: seen.state()["muted"])
        await seen.tell(order, payload)
        await seen.tell("volume", "33")
        await until(lambda: seen.state()["volume"] == 33)
        assert seen.state()["muted"]
        assert it.runtime.conversation.muted
    refused = f"mqtt.ignored: voiced/kitchen/set/mute: {BY_HAND}"
    assert (refused in caplog.messages) is (order == "mute" and payload in ("OFF", "toggle"))


async def test_orders_are_obeyed_at_once(tmp_path, unused_port, measured):
    async with connected(tmp_path, unused_port, unmute=True) as (it, seen):
        acted_ms, shown_ms = [], []
        for number in range(50):
            muted, began_s = number % 2 == 0, time.monotonic()
            await seen.tell("mute", "ON" if muted else "OFF")
            await until(lambda muted=muted: it.runtime.conversation.muted is muted)
            acted_ms.append((time.monotonic() - began_s) * 1000)
            await until(lambda muted=muted: seen.state()["muted"] is muted)
            shown_ms.append((time.monotonic() - began_s) * 1000)
            await asyncio.sleep(0.1)  # no more than are allowed
    for what, late_ms in (("acted on", acted_ms), ("state seen", shown_ms)):
        late_ms.sort()
        measured(
            f"MQTT: command published -> {what}: p50 {late_ms[25]:.1f}, max {late_ms[-1]:.1f} ms"
        )
    assert acted_ms[45] <= 100
