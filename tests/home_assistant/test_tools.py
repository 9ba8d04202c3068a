"""Home Assistant's tools in the hands of our agent: named by the guide, called by voice, lost and found."""

import asyncio
import time

import pytest

from tests.home_assistant.core import eventually
from tests.home_assistant.home import answer, device, tools
from tests.whole import until

pytestmark = pytest.mark.real_time

ALLOWED = {"home_HassTurnOn", "home_HassTurnOff", "home_GetLiveContext"}
FAILED = "Sorry, that did not work."
"""What the agent says of a call that went wrong."""


async def lamp(it):
    return (await it.home.state("light.ceiling"))["state"]


async def exposed(it):
    """Put the lamp into a room, where Assist sees it."""
    kitchen = await it.home.area("Kitchen")
    await it.home.ask(
        {
            "type": "config/entity_registry/update",
            "entity_id": "light.ceiling",
            "area_id": kitchen,
        },
        {
            "type": "homeassistant/expose_entity",
            "assistants": ["conversation"],
            "entity_ids": ["light.ceiling"],
            "should_expose": True,
        },
    )
    return kitchen


@pytest.mark.parametrize("who", ["owner", "guest"])
async def test_a_spoken_turn_switches_a_lamp_by_the_guides_own_block(at_home, who):
    async with at_home() as it:
        await exposed(it)
        token = it.home.token if who == "owner" else await it.home.token_of_a_guest()
        async with device(it, it.mcp(token)) as found:
            await found.converse()
            await until(lambda: tools(found) == ALLOWED, within_s=20)
            assert await lamp(it) in {"off", "unknown"}
            await answer(found, "home_HassTurnOn", name="Ceiling")
            assert await lamp(it) == "on"
            said = await answer(found, "home_GetLiveContext")
            assert "Ceiling" in said
            await answer(found, "home_HassTurnOff", area="Kitchen", domain=["light"])
            assert await lamp(it) == "off"
            prompt = found.agent.service.sessions[-1].config["system_prompt"]
            assert prompt.startswith("You are one.")
            assert "Ceiling" in prompt or "GetLiveContext" in prompt
            assert found.agent.service.violations == 0
        assert it.home.complaints() == []


async def test_the_room_of_a_device_reaches_assist(at_home):
    async with at_home() as it:
        area = await exposed(it)
        async with device(it, it.mqtt()):
            [about] = (await eventually(it.home.devices)).values()
        await it.home.ask(
            {
                "type": "config/device_registry/update",
                "device_id": about["id"],
                "area_id": area,
            }
        )
        meta = {"io.home-assistant/device_id": about["id"]}
        async with device(it, it.mcp(it.home.token, meta=meta)) as found:
            await found.converse()
            await until(lambda: tools(found) == ALLOWED, within_s=20)
            # Before 2026 Home Assistant took no room from there, and takes no offence.
            assert ("You are in area Kitchen" in _prompt(found)) is it.home.is_new


def _prompt(found):
    return found.agent.service.sessions[-1].config["system_prompt"]


async def test_tools_work_as_soon_as_home_assistant_is_back(at_home, measured):
    async with at_home() as it:
        await exposed(it)
        async with device(it, it.mcp(it.home.token)) as found:
            await found.converse()
            await until(lambda: tools(found) == ALLOWED, within_s=20)
            await it.home.stop()
            await asyncio.sleep(5)
            assert await answer(found, "home_HassTurnOn", name="Ceiling") == FAILED
            await it.home.start()
            began_s = time.monotonic()

            async def works():
                await answer(found, "home_HassTurnOn", name="Ceiling")
                return await lamp(it) == "on"

            await eventually(works, 30)
            took_s = time.monotonic() - began_s
            measured(f"{it.home.version}: up again -> a tool works: {took_s:.1f} s")
            assert took_s < 10
            assert tools(found) == ALLOWED
            assert found.agent.service.violations == 0


async def test_a_wrong_token_gets_nobody_banned_and_a_right_one_counts_at_once(at_home, caplog):
    async with at_home() as it:
        await exposed(it)
        async with device(it, it.mcp("wrong" * 30)) as found:
            await asyncio.sleep(45)
            banned = it.home.folder / "ip_bans.yaml"
            assert not banned.exists(), banned.read_text()
            for path in it.folder.glob("*.token"):
                path.write_text(it.home.token + "\n")
            await until(lambda: "home_HassTurnOn" in found.runtime._components.tools, within_s=20)
            await found.converse()
            assert tools(found) == ALLOWED
            await answer(found, "home_HassTurnOn", name="Ceiling")
            assert await lamp(it) == "on"
    refused = [line for line in caplog.messages if "refuses the credentials" in line]
    assert len(refused) == 1
    assert it.home.token not in caplog.text
    assert "wrong" * 3 not in caplog.text


async def test_everything_that_assist_may_do_un_mutes_nothing(at_home):
    async with at_home() as it:
        await exposed(it)
        more = it.mcp(it.home.token, allow=["HassTurnOff", "HassTurnOn"])
        async with device(it, it.mqtt(), more) as found:
            await found.converse()
            await until(lambda: len(tools(found)) == 2, within_s=20)
            await eventually(it.home.devices)
            found.following.control.mute(True)
            for arguments in (
                {"domain": ["switch"]},
                {"area": "Kitchen"},
                {"name": "Mute"},
                {"name": "kitchen Mute"},
                {"domain": ["switch"], "name": "all"},
            ):
                await answer(found, "home_HassTurnOff", **arguments)
                await answer(found, "home_HassTurnOn", **arguments)
                assert found.runtime.conversation.muted


async def test_a_name_that_fits_nothing_is_told_with_what_there_is(at_home, caplog):
    async with at_home() as it:
        more = it.mcp(it.home.token, allow=["HassTurnOn", "LightTheFire"], prompt="Fire")
        async with device(it, more) as found:
            await found.converse()
            await until(lambda: tools(found) == {"home_HassTurnOn"}, within_s=20)
            told = [line for line in caplog.messages if "that it does not have" in line]
            assert len(told) == 2
            assert any("LightTheFire" in line and "HassTurnOff" in line for line in told)
            name = "Device control" if it.home.is_new else "Assist"
            assert f"`prompt` names one that it does not have: Fire; it has {name}" in str(told)
