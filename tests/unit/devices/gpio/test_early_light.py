"""The light while gpiozero is being imported: lit through libgpiod, then handed over."""

import errno
import sys

import pytest

from voiced.devices.gpio.buttons_and_leds import GpioLight, LightWiring
from voiced.devices.gpio.early_light import lit_early


@pytest.fixture
def unimported(board, monkeypatch):
    """A board of a process that has not imported gpiozero."""
    monkeypatch.delitem(sys.modules, "gpiozero")
    return board


@pytest.mark.parametrize("active_high", [True, False])
def test_it_is_lit_while_it_lasts_and_then_nobodys(unimported, active_high):
    lines = [unimported.lines[number] for number in (16, 20, 21)]
    with lit_early([16, 20, 21], active_high=active_high):
        assert [line.level for line in lines] == [int(active_high)] * 3
        assert {line.consumer for line in lines} == {"voiced"}
    assert [line.request for line in lines] == [None] * 3


@pytest.mark.parametrize("number", [errno.EBUSY, errno.EACCES])
def test_a_pin_that_cannot_be_had_holds_nothing_up(unimported, number):
    unimported.refuses = number
    with lit_early([25], active_high=True):
        pass


def test_a_machine_without_pins_is_not_held_up(unimported):
    unimported.paths = ()
    with lit_early([25], active_high=True):
        pass


def test_a_box_without_the_pin_library_is_not_held_up(unimported, monkeypatch):
    monkeypatch.setitem(sys.modules, "gpiod", None)
    with lit_early([25], active_high=True):
        pass


def test_another_pin_factory_has_the_pins_to_itself(unimported, monkeypatch):
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "pigpio")
    with lit_early([25], active_high=True):
        assert unimported.lines[25].settings == []


def test_where_gpiozero_is_there_already_it_lights_up_at_once_itself(board):
    with lit_early([25], active_high=True):
        assert board.lines[25].settings == []


def test_the_first_light_is_handed_over(board, monkeypatch):
    line, gpiozero = board.lines[25], sys.modules["gpiozero"]
    monkeypatch.delitem(sys.modules, "gpiozero")

    def imported():
        assert line.levels == [0, 1]
        sys.modules["gpiozero"] = gpiozero

    monkeypatch.setattr("voiced.devices.gpio.buttons_and_leds.import_gpiozero", imported)
    light = GpioLight(LightWiring([25]))
    with light.moving():
        assert line.level == 1
        assert line.consumer == "voiced"
    light.close()
    assert line.request is None
