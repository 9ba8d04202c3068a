"""The light tells that there is power before most of the program is read from the card."""

import asyncio
import subprocess
import sys
import time

import pytest
from msgspec.structs import replace

from voiced.assembly.gpio import first_light, moving
from voiced.config.history import Text
from voiced.core.actions import Status
from voiced.core.led_patterns import PATTERNS
from voiced.devices.gpio.buttons_and_leds import GpioLight, LightWiring
from voiced.devices.gpio.pins import PinError
from voiced.storage.settings_store import RecordFile
from voiced.storage.state_store import StateStore

pytestmark = pytest.mark.real_time

SETTINGS = "version: 1\nagent: {url: 'ws://127.0.0.1:9/v1/ws'}\nled: {pin: 25}\n"
ROUND_S = PATTERNS[Status.BOOTING].period_s


@pytest.fixture
def settings(tmp_path):
    path = tmp_path / "voiced.yaml"
    path.write_text(SETTINGS)
    return path


def states(pins):
    """Return what the light has been, one after the other."""
    return [each.state for each in pins.pin(25).states]


def test_the_light_starts_without_what_takes_long_to_import():
    program = "import sys, voiced.cli.run; print(*sys.modules)"
    command = [sys.executable, "-c", program]
    modules = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert "voiced.assembly.gpio" in modules
    assert {"numpy", "websockets", "aiohttp", "voiced.assembly.factory"}.isdisjoint(modules)


def test_it_moves_while_the_program_is_imported_and_is_handed_over_lit(settings, pins):
    lamp = first_light(settings)
    with moving(lamp):
        assert states(pins)[-1]
        time.sleep(2.2 * ROUND_S)
    before = states(pins)
    assert sum(before) == 3
    assert before[-1]

    async def take_over():
        task = asyncio.create_task(lamp.run())
        await asyncio.sleep(0.1)
        lit = states(pins)[len(before) - 1 :]
        task.cancel()
        return lit

    assert all(asyncio.run(take_over()))


@pytest.mark.parametrize("more", ["nonsense: 1\n", "wake: {mode: 7}\n"])
def test_settings_that_are_wrong_elsewhere_light_up_too(settings, pins, more):
    settings.write_text(SETTINGS + more)
    with moving(first_light(settings)):
        assert states(pins)[-1]


@pytest.mark.parametrize("text", ["", "version: [", "led: 25\n", SETTINGS.replace("25", "999")])
def test_settings_without_a_readable_light_hold_nothing_up(settings, text):
    settings.write_text(text)
    with moving(first_light(settings)):
        pass


def test_a_torn_file_lights_up_as_the_last_good_one_says(settings, pins, tmp_path, monkeypatch):
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    store = StateStore(tmp_path / "state")
    kept = RecordFile(store, settings)
    kept.put(replace(kept.record, local=(Text(str(settings), SETTINGS),)))
    store.flush()
    settings.write_text(SETTINGS[:-9])
    with moving(first_light(settings)):
        assert states(pins)[-1]


def test_a_missing_file_holds_nothing_up(tmp_path):
    with moving(first_light(tmp_path / "none.yaml")):
        pass


def test_pins_that_cannot_be_had_are_told_of_later(settings, pins, caplog):
    other = GpioLight(LightWiring([25]))
    other.open()
    lamp = first_light(settings)
    with moving(lamp):
        pass
    assert caplog.text == ""
    with pytest.raises(PinError, match="in use"):
        asyncio.run(lamp.run())
