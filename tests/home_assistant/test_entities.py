"""A device as an entity of a real Home Assistant: seen, steered, found again, taken away."""

import asyncio
import json
from datetime import datetime

import pytest

from tests.home_assistant.core import eventually
from tests.home_assistant.home import SERIAL, device, entity, shows
from tests.whole import until
from voiced.core.events import EndRequested
from voiced.ports import AlarmWish

pytestmark = pytest.mark.real_time

PARTS = {
    *("status", "problem", "settings", "event", "next_alarm", "started", "mute", "volume"),
    *("talk", "end", "say", "words"),
}
ID = f"voiced_{SERIAL['kitchen']}"


def of(entities, serial=SERIAL["kitchen"]):
    ours = f"voiced_{serial}_"
    found = {key.removeprefix(ours) for key in entities if key.startswith(ours)}
    return found - {"temperature", "wifi"}  # as far as this machine tells them


async def test_every_entity_is_there_and_shows_what_is(at_home):
    async with at_home() as it, device(it, it.mqtt(), "tools: [set_timer]\n") as found:
        await shows(it, "status", "asleep")
        assert of(await it.home.entities()) == PARTS
        for part, value in (
            ("problem", "off"),
            ("mute", "off"),
            ("volume", "70"),
            ("words", ""),
            ("next_alarm", "unknown"),
            ("settings", "unknown"),
        ):
            await shows(it, part, value)
        status = await it.home.state(await entity(it, "status"))
        assert status["attributes"]["phase"] == "asleep"
        assert {"microphone", "speaker", "since"} <= status["attributes"].keys()
        alarm = await found.runtime.alarms.set(AlarmWish("timer", "pizza", after_s=600.0))
        called = await entity(it, "next_alarm")

        async def shown():
            state = (await it.home.state(called))["state"]
            return state if state != "unknown" else ""

        rings_at = datetime.fromisoformat(await eventually(shown))
        assert abs((rings_at - alarm.rings_at).total_seconds()) < 2
        assert it.home.complaints() == []


async def happened(it, entity, kind):
    """Return what an event tells if it is the newest that happened; it comes after the state it brought about."""
    attributes = (await it.home.state(entity))["attributes"]
    return attributes if attributes["event_type"] == kind else None


async def test_every_order_arrives_and_a_conversation_is_an_event(at_home):
    async with at_home() as it, device(it, it.mqtt(), keep_heard=True) as found:
        await shows(it, "status", "asleep")
        names = {part: await entity(it, part) for part in PARTS}
        await it.home.call("number.set_value", entity_id=names["volume"], value=42)
        await until(lambda: found.runtime.volume == 42)
        await shows(it, "volume", "42")
        await it.home.call("button.press", entity_id=names["talk"])
        await shows(it, "status", "listening")
        event = await eventually(lambda: happened(it, names["event"], "conversation_started"))
        assert event["by"] == "control"
        await it.home.call("button.press", entity_id=names["end"])
        await shows(it, "status", "asleep")
        await eventually(lambda: happened(it, names["event"], "conversation_ended"))
        for service, words in (
            ("text.set_value", {"entity_id": names["words"], "value": "Dinner is ready."}),
            ("notify.send_message", {"entity_id": names["say"], "message": "Tea is ready."}),
        ):
            n_asked = len(found.agent.service.sessions)
            await it.home.call(service, **words)
            await until(lambda n=n_asked: len(found.agent.service.sessions) > n)
            await until(lambda: found.status == "speaking")
            found.runtime.dispatch(EndRequested())
            await until(lambda: found.status == "asleep")
        assert it.home.complaints() == []


async def test_nothing_un_mutes_but_a_hand(at_home):
    async with at_home() as it, device(it, it.mqtt()) as found:
        await shows(it, "mute", "off")
        mute = await entity(it, "mute")
        kitchen = await it.home.area("Kitchen")
        [ours] = (await it.home.devices()).values()
        await it.home.ask(
            {
                "type": "config/device_registry/update",
                "device_id": ours["id"],
                "area_id": kitchen,
            }
        )
        await it.home.call("switch.turn_on", entity_id=mute)
        await shows(it, "mute", "on")
        await it.home.call("homeassistant.turn_off", area_id=kitchen)
        for slots in ({"area": "Kitchen"}, {"domain": ["switch"]}, {"name": "all"}):
            await it.home.post("intent/handle", name="HassTurnOff", data=slots)
        await it.home.call("switch.turn_off", entity_id=mute)
        await it.home.call("switch.toggle", entity_id=mute)
        await asyncio.sleep(1)
        assert found.runtime.conversation.muted
        await shows(it, "mute", "on")


async def test_each_side_is_found_again_after_a_restart(at_home):
    async with at_home() as it, device(it, it.mqtt()) as found:
        await shows(it, "volume", "70")
        found.following.control.set_volume(33)
        await shows(it, "volume", "33")
        await it.home.stop()
        found.following.control.set_volume(44)
        await it.home.start()
        await shows(it, "volume", "44", within_s=30)
        it.broker.kill()
        await shows(it, "status", "unavailable")
        found.following.control.set_volume(55)
        await it.broker.start()
        await shows(it, "volume", "55", within_s=30)
        [complaint] = it.home.complaints()
        assert complaint.endswith("The connection was lost.")  # to the broker, which we killed


async def test_a_device_that_ends_is_unavailable_and_comes_back(at_home):
    async with at_home() as it:
        async with device(it, it.mqtt()):
            await shows(it, "status", "asleep")
        await shows(it, "status", "unavailable")
        assert of(await it.home.entities()) == PARTS
        assert it.home.complaints() == []


async def test_two_devices_stand_side_by_side(at_home):
    async with (
        at_home() as it,
        device(it, it.mqtt()) as kitchen,
        device(it, it.mqtt(), name="lobby") as lobby,
    ):
        await shows(it, "status", "asleep")
        await shows(it, "status", "asleep", name="lobby")
        assert {*await it.home.devices()} == {"kitchen", "lobby"}
        await it.home.call(
            "number.set_value", entity_id=await entity(it, "volume", "lobby"), value=11
        )
        await until(lambda: lobby.runtime.volume == 11)
        assert kitchen.runtime.volume == 70
        assert it.home.complaints() == []


async def test_a_device_that_is_not_wanted_any_more_leaves_no_ghost(at_home):
    async with at_home() as it, device(it, it.mqtt()) as found:
        await shows(it, "status", "asleep")
        found.write(it.mqtt(discovery="none"))
        await eventually(lambda: _is_gone(it), 20)
        found.write(it.mqtt())
        await shows(it, "status", "asleep", within_s=20)
        found.write()
        await eventually(lambda: _is_gone(it), 20)
        assert it.home.complaints() == []


async def _is_gone(it):
    return not await it.home.devices() and not of(await it.home.entities())


async def test_the_page_of_a_device_is_linked_without_its_secret(at_home, tmp_path):
    page = "kiosk: {{listen: '0.0.0.0:0', names: [kitchen.test]}}\n".replace(":0'", ":18999'")
    async with at_home() as it, device(it, it.mqtt(), page):
        await shows(it, "status", "asleep")
        [about] = (await it.home.devices()).values()
        assert about["configuration_url"] == "http://kitchen.test:18999/"
        assert about["serial_number"] == SERIAL["kitchen"]
        assert about["identifiers"] == [["mqtt", ID]]
        assert "#" not in json.dumps(about)
