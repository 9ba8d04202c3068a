"""Pins that come late: udev has not set their group yet, or another program has them."""

import asyncio
import errno
from contextlib import asynccontextmanager

import pytest

from voiced.core.actions import Status
from voiced.core.events import TalkPressed
from voiced.core.gestures import Meaning
from voiced.devices.gpio.buttons_and_leds import ButtonWiring, GpioButton, GpioLight, LightWiring
from voiced.lib.backoff import Backoff
from voiced.runtime.guard import Guard

pytestmark = pytest.mark.real_time

LATE = {
    "udev": (errno.EACCES, "permission denied; add the user to the group gpio"),
    "another program": (
        errno.EBUSY,
        "it is in use; another setting or another program uses this pin",
    ),
    "a driver that loads": (errno.ENODEV, "No such device; check the wiring"),
}


@asynccontextmanager
async def guarded(name, run):
    guard = Guard(Backoff(first_s=0.001, most_s=0.002, steady_s=0.2))
    task = asyncio.create_task(guard.run(name, run))
    try:
        yield guard
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.wait([task])


async def until(claim):
    async with asyncio.timeout(5):
        while not claim():
            await asyncio.sleep(0.005)


def away(pins, monkeypatch, number):
    """Have every pin refused; return the tries, and what takes that back."""
    give, tries = pins.pin, []

    def refuse(name):
        tries.append(name)
        raise OSError(number, "No such device")

    monkeypatch.setattr(pins, "pin", refuse)
    return tries, lambda: monkeypatch.setattr(pins, "pin", give)


@pytest.mark.parametrize("why", LATE)
async def test_a_button_is_tried_until_its_pin_can_be_had_and_then_obeyed(
    why, pins, monkeypatch, caplog
):
    number, reason = LATE[why]
    tries, come = away(pins, monkeypatch, number)
    button, events = GpioButton(ButtonWiring(17, Meaning())), []
    async with guarded(button.name, lambda: button.watch(events.append)) as guard:
        await until(lambda: len(tries) > 20)
        [fault] = guard.faults
        assert (fault.name, fault.reason) == ("button on GPIO 17", reason)
        come()
        await until(lambda: guard.faults == [])
        pins.pin(17).drive_low()
        await until(lambda: events)
        assert isinstance(events[0], TalkPressed)
    assert caplog.text.count(reason) == 1


@pytest.mark.parametrize("why", LATE)
async def test_a_light_is_tried_until_its_pins_can_be_had_and_then_shows_what_is(
    why, pins, monkeypatch, caplog
):
    number, reason = LATE[why]
    tries, come = away(pins, monkeypatch, number)
    light = GpioLight(LightWiring([25]))
    async with guarded(light.name, light.run) as guard:
        await until(lambda: len(tries) > 20)
        [fault] = guard.faults
        assert (fault.name, fault.reason) == ("light on GPIO 25", reason)
        light.show(Status.LISTENING)
        come()
        await until(lambda: guard.faults == [])
        assert pins.pin(25).function == "output"
    assert caplog.text.count(reason) == 1
    assert pins.pin(25).function == "input"
