"""Fingers on a button, eyes on a light: every gesture in every status, on pins in memory."""

import asyncio
import contextlib
import sys

import gpiozero
import pytest

from tests.flows.house import awake, house, tone
from voiced.core.actions import Status
from voiced.core.events import MuteChanged, TalkHeld, TalkPressed, Woken
from voiced.core.gestures import Meaning
from voiced.core.led_patterns import PATTERNS
from voiced.core.state import Phase, Policy
from voiced.devices.gpio.buttons_and_leds import ButtonWiring, GpioButton, GpioLight, LightWiring

pytestmark = pytest.mark.usefixtures("pins")

BUTTON, LIGHT, MORE = 17, 25, 5
COLOURS = (16, 20, 21)
LONG = "a long story that goes on and on " * 8


async def press(pins, for_s=0.1, pin=BUTTON):
    pins.pin(pin).drive_low()
    await asyncio.sleep(for_s)
    pins.pin(pin).drive_high()
    await asyncio.sleep(0.05)


async def double(pins):
    await press(pins)
    await press(pins)


SET_UP = {
    "connecting": {"timing": {"ready_s": 8.0}},
    "rejected": {"keys": ["another"]},
    "thinking": {"timing": {"think_s": 9.0}},
}


@contextlib.asynccontextmanager
async def in_status(status, **options):
    """Run a daemon with a button and a light that has come to `status`."""
    options |= SET_UP.get(status, {})
    options.setdefault("buttons", [GpioButton(ButtonWiring(BUTTON, MEANING))])
    options.setdefault("lamps", [GpioLight(LightWiring([LIGHT]))])
    begin = house if status in ("asleep", "connecting", "offline", "rejected") else awake
    async with begin(**options) as it:
        if status == "offline":
            it.reachable = False
        if begin is house and status != "asleep":
            it.wake.emit(Woken("test", unattended=True))
        match status:
            case "hearing" | "thinking" if "policy" in options:  # nothing is heard by itself
                it.session.send("input.speech.started")
                if status == "thinking":
                    it.session.send("input.speech.stopped")
            case "hearing" | "thinking":
                it.microphone.say(tone(1500 if status == "hearing" else 400))
            case "speaking":
                it.session.say(LONG)
            case "muted":
                it.wake.emit(MuteChanged(muted=True))
            case "no-microphone":
                it.microphone.unplug()
        async with asyncio.timeout(10):
            while it.led.shown[-1] != status:
                await asyncio.sleep(0.01)
        yield it


MEANING = Meaning(press="talk", hold="mute", double="end", hold_s=1.0)
STATUSES = (
    "asleep", "connecting", "listening", "hearing", "thinking", "speaking", "muted", "offline",
    "rejected", "no-microphone",
)  # fmt: skip
TALK_LEADS_TO = {
    "asleep": Phase.CONNECTING,
    "connecting": Phase.ASLEEP,
    "listening": Phase.ASLEEP,
    "hearing": Phase.ASLEEP,
    "thinking": Phase.LISTENING,
    "speaking": Phase.LISTENING,
    "muted": Phase.ASLEEP,
    "offline": Phase.CONNECTING,
    "rejected": Phase.CONNECTING,
    "no-microphone": Phase.ASLEEP,
}


@pytest.mark.about("assemblyai")
@pytest.mark.parametrize("status", STATUSES)
async def test_a_press_talks_in_every_status(status, pins):
    async with in_status(status) as it:
        dials = len(it.dials)
        pins.pin(BUTTON).drive_low()
        await asyncio.sleep(0.1)
        pins.pin(BUTTON).drive_high()
        phases = set()
        for _ in range(40):
            await asyncio.sleep(0.01)
            phases.add(it.phase)
        assert TALK_LEADS_TO[status] in phases
        assert it.runtime.conversation.muted is (status == "muted")
        if status in ("offline", "rejected"):
            await asyncio.sleep(0.2)
            assert len(it.dials) > dials


@pytest.mark.about("assemblyai")
@pytest.mark.parametrize("status", STATUSES)
async def test_a_hold_mutes_in_every_status_and_does_nothing_else(status, pins):
    async with in_status(status) as it:
        before = it.runtime.conversation
        pins.pin(BUTTON).drive_low()
        await asyncio.sleep(1.1)
        assert it.runtime.conversation.muted is (not before.muted)
        assert not it.led.leaving or status == "muted"
        pins.pin(BUTTON).drive_high()
        asleep = it.phase is Phase.ASLEEP
        await asyncio.sleep(0.5)
        assert (it.phase is Phase.ASLEEP) is asleep is (status == "asleep")


@pytest.mark.about("assemblyai")
@pytest.mark.parametrize("status", STATUSES)
async def test_a_double_press_ends_in_every_status(status, pins):
    async with in_status(status) as it:
        await double(pins)
        await asyncio.sleep(0.5)
        assert it.phase is Phase.ASLEEP


@pytest.mark.about("assemblyai")
@pytest.mark.parametrize("status", STATUSES)
async def test_holding_to_talk_opens_the_gate_in_every_status_for_as_long_as_it_lasts(status, pins):
    button = GpioButton(ButtonWiring(BUTTON, Meaning(held_to_talk=True)))
    async with in_status(status, buttons=[button], policy=Policy(hold_to_talk=True)) as it:
        assert not it.led.leaving
        pins.pin(BUTTON).drive_low()
        await asyncio.sleep(0.1)
        assert it.phase is not Phase.SPEAKING
        assert it.led.leaving is (status not in ("muted", "rejected", "no-microphone"))
        pins.pin(BUTTON).drive_high()
        await asyncio.sleep(0.1)
        assert not it.led.leaving


async def test_more_buttons_change_the_volume_and_it_is_remembered(pins):
    louder = GpioButton(ButtonWiring(MORE, Meaning(press="volume_up", repeats=True)))
    async with house(buttons=[louder]) as it:
        await press(pins, pin=MORE)
        assert it.runtime.volume == 75
        await press(pins, 5.0, pin=MORE)
        assert it.runtime.volume == it.memory.kept.volume == 100


async def test_a_button_that_is_pressed_to_3_volts_works_as_well(pins):
    button = GpioButton(ButtonWiring(BUTTON, Meaning(), active_high=True))
    async with house(buttons=[button]) as it:
        await asyncio.sleep(1)
        assert it.phase is Phase.ASLEEP
        pins.pin(BUTTON).drive_high()
        await asyncio.sleep(0.05)
        assert it.phase is not Phase.ASLEEP


async def test_a_release_whose_edge_got_lost_is_noticed(pins):
    button = GpioButton(ButtonWiring(BUTTON, Meaning(held_to_talk=True)))
    async with awake(buttons=[button], policy=Policy(hold_to_talk=True)) as it:
        pin = pins.pin(BUTTON)
        pin.drive_low()
        await asyncio.sleep(1)
        assert it.led.leaving
        pin.edges = "none"
        pin.drive_high()
        await asyncio.sleep(2.5)
        assert not it.led.leaving


async def test_a_release_whose_edge_got_lost_is_no_hold(pins):
    button = GpioButton(ButtonWiring(BUTTON, Meaning(hold="mute", hold_s=9.0)))
    async with awake(buttons=[button]) as it:
        pin = pins.pin(BUTTON)
        pin.drive_low()
        await asyncio.sleep(1)
        pin.edges = "none"
        pin.drive_high()
        await asyncio.sleep(9)
        assert not it.runtime.conversation.muted


async def test_a_button_at_rest_wakes_nobody(pins):
    button, events = GpioButton(ButtonWiring(BUTTON, Meaning())), []
    watching = asyncio.create_task(button.watch(events.append))
    await asyncio.sleep(0.1)
    await press(pins)
    await asyncio.sleep(1)
    assert events == [TalkPressed()]
    assert [each for each in asyncio.get_running_loop()._scheduled if not each.cancelled()] == []
    watching.cancel()
    await asyncio.wait({watching})


@pytest.mark.about("assemblyai")
@pytest.mark.parametrize("status", STATUSES)
async def test_the_light_shows_every_status_and_never_lies(status, pins):
    async with in_status(status) as it:
        lamp, lit, gates = pins.pin(LIGHT), [], []
        for _ in range(600):
            lit.append(lamp.state)
            gates.append(it.runtime._capture.gate_open and status != "no-microphone")
            await asyncio.sleep(0.01)
            if it.led.shown[-1] != status:
                break
        leaving = gates[0]
        assert it.led.leaving is (gates[-1])
        if len(set(gates)) == 1 and len(lit) > 300:
            assert (sum(lit) / len(lit) > 0.5) is leaving


@pytest.mark.parametrize("active_high", [True, False])
async def test_a_light_may_be_wired_either_way_and_without_shades(pins, active_high):
    lamp = GpioLight(LightWiring([LIGHT], active_high=active_high))
    async with awake(lamps=[lamp]) as it:
        await asyncio.sleep(1)
        assert pins.pin(LIGHT).state == (1 if active_high else 0)
        it.wake.emit(TalkPressed())
        await asyncio.sleep(0.1)
        assert pins.pin(LIGHT).state == (0 if active_high else 1)


async def test_a_light_of_three_colours_shows_them(pins):
    async with awake(lamps=[GpioLight(LightWiring(COLOURS))]) as it:
        await asyncio.sleep(1)
        shown = tuple(pins.pin(pin).state for pin in COLOURS)
        assert shown == PATTERNS[Status.LISTENING].colour
        it.wake.emit(TalkPressed())
        await asyncio.sleep(0.1)
        assert all(pins.pin(pin).state == 0 for pin in COLOURS)


@pytest.mark.uncovered
async def test_a_sleeping_light_wakes_nobody(pins):
    draws = []

    class CountedLight(GpioLight):
        def _draw(self, at_s):
            draws.append(at_s)
            return super()._draw(at_s)

    async with house(lamps=[CountedLight(LightWiring([LIGHT]))]):
        await asyncio.sleep(1)
        draws.clear()
        await asyncio.sleep(3600)
        assert draws == []


@pytest.mark.parametrize("pin", [99, "in use"])
async def test_pins_that_do_not_work_are_told_of_and_the_rest_goes_on(pins, caplog, pin):
    if pin == "in use":
        first = GpioLight(LightWiring([2]))
        first.open()
        pin = 2
    button, lamp = GpioButton(ButtonWiring(pin, Meaning())), GpioLight(LightWiring([pin]))
    async with awake(buttons=[button], lamps=[lamp], failing=True) as it:
        assert it.phase is Phase.LISTENING
    lines = [line.getMessage() for line in caplog.records if "GPIO" in line.getMessage()]
    assert len(lines) == 2
    assert all("goes on" in line and line.count("; ") == 2 for line in lines)


async def test_a_box_without_the_pin_library_is_told_what_to_install(monkeypatch, caplog):
    monkeypatch.setattr(gpiozero.Device, "pin_factory", None)
    monkeypatch.delitem(sys.modules, "voiced.devices.gpio.libgpiod", raising=False)
    monkeypatch.setitem(sys.modules, "gpiod", None)
    button = GpioButton(ButtonWiring(BUTTON, Meaning()))
    async with house(buttons=[button], failing=True):
        pass
    assert "voiced[gpio]" in caplog.text


async def test_sound_stops_leaving_when_the_button_that_is_held_goes_away(pins):
    button = GpioButton(ButtonWiring(BUTTON, Meaning(held_to_talk=True)))
    events = []
    pins.pin(BUTTON).drive_high()
    watching = asyncio.create_task(button.watch(events.append))
    await asyncio.sleep(0.1)
    pins.pin(BUTTON).drive_low()
    await asyncio.sleep(0.1)
    assert TalkHeld(held=True) in events
    watching.cancel()
    await asyncio.wait({watching})
    assert events[-1] == TalkHeld(held=False)
