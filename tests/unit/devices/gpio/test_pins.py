"""Pins of the board: which chip, which pin factory, lights and contacts, and which problems in which words."""

import errno
import sys

import gpiozero
import pytest
from gpiozero.pins.mock import MockFactory

from voiced.devices.gpio.chips import header_chip
from voiced.devices.gpio.libgpiod import LibgpiodFactory
from voiced.devices.gpio.pins import Lamp, PinError, contact_on, import_gpiozero, is_pressed

BUSY = "it is in use; another setting or another program uses this pin"
DENIED = "permission denied; add the user to the group gpio"
REFUSALS = {
    errno.EBUSY: BUSY,
    errno.EACCES: DENIED,
    errno.EPERM: DENIED,
    errno.EIO: "Input/output error; check the wiring",
}


@pytest.mark.parametrize("number", REFUSALS)
def test_a_refused_line_is_explained_and_can_be_had_later(board, number):
    board.refuses = number
    for open_it in (contact_on, is_pressed, lambda pin: Lamp([pin]), lambda pin: Lamp([2, 3, pin])):
        with pytest.raises(PinError) as caught:
            open_it(17)
        assert str(caught.value) == REFUSALS[number]
    board.refuses = None
    Lamp([17]).close()


def test_a_pin_that_is_used_twice_is_in_use(board):
    lamp = Lamp([25])
    with pytest.raises(PinError) as caught:
        contact_on(25)
    assert str(caught.value) == BUSY
    lamp.close()
    contact_on(25).close()


def test_a_chip_that_may_not_be_opened_is_explained(board, monkeypatch):
    def refuse(_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("gpiod.Chip", refuse)
    with pytest.raises(PinError, match="group gpio"):
        Lamp([25])


def test_a_machine_without_pins_is_no_raspberry_pi(board):
    board.paths = ()
    with pytest.raises(PinError, match="there is no GPIO chip; is this a Raspberry Pi"):
        Lamp([25])


def test_a_missing_library_is_named(board, monkeypatch):
    monkeypatch.delitem(sys.modules, "voiced.devices.gpio.libgpiod")
    monkeypatch.setitem(sys.modules, "gpiod", None)
    with pytest.raises(PinError, match=r"package gpiod is missing; .*voiced\[gpio\]"):
        Lamp([25])


@pytest.mark.parametrize("pin", [54, 25])
def test_a_pin_that_the_board_does_not_have_is_refused(board, pin):
    del board.lines[8:]
    with pytest.raises(PinError, match="no such pin; pins are BCM numbers"):
        Lamp([pin])


def test_a_pin_that_the_board_pulls_up_makes_no_button_to_3_volts(board):
    with pytest.raises(PinError, match="pulls this pin up; use another"):
        contact_on(2, active_high=True)
    contact_on(2).close()


def test_what_else_gpiozero_says_is_said(board, monkeypatch):
    def refuse(*_, **__):
        raise gpiozero.PinUnsupported("not here")

    monkeypatch.setattr(LibgpiodFactory, "pin", refuse)
    with pytest.raises(PinError, match="not here; check the wiring"):
        Lamp([25])


@pytest.mark.parametrize("label", ["pinctrl-rp1", "pl061"])
def test_the_chip_of_the_header_is_found_among_others(board, label):
    board.paths = ("/dev/gpiochip0", "/dev/gpiochip4")
    board.labels = {"/dev/gpiochip4": label}
    assert header_chip() == ("/dev/gpiochip4" if label == "pinctrl-rp1" else "/dev/gpiochip0")


def test_a_chip_that_is_out_of_order_is_passed_over(board, monkeypatch):
    def chip(path):
        if path == "/dev/gpiochip0":
            raise OSError(errno.ENODEV, "No such device")
        return board.chip(path)

    board.paths = ("/dev/gpiochip0", "/dev/gpiochip4")
    board.labels = {"/dev/gpiochip4": "pinctrl-rp1"}
    monkeypatch.setattr("gpiod.Chip", chip)
    assert header_chip() == "/dev/gpiochip4"


def test_no_other_chip_is_taken_for_one_that_may_not_be_opened(board, monkeypatch):
    def chip(path):
        if path == "/dev/gpiochip4":
            raise PermissionError(errno.EACCES, "Permission denied")
        return board.chip(path)

    board.paths = ("/dev/gpiochip0", "/dev/gpiochip4")
    board.labels = {"/dev/gpiochip4": "pinctrl-rp1"}
    monkeypatch.setattr("gpiod.Chip", chip)
    with pytest.raises(PermissionError):
        header_chip()


def test_pins_are_reached_through_libgpiod_in_our_name(board):
    assert isinstance(import_gpiozero().Device.pin_factory, LibgpiodFactory)
    lamp = Lamp([25])
    assert board.lines[25].consumer == "voiced"
    lamp.close()


def test_another_pin_factory_may_be_asked_for(board, monkeypatch):
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "mock")
    assert isinstance(import_gpiozero().Device.pin_factory, MockFactory)
    Lamp([25]).close()
    assert board.lines[25].settings == []


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("lgpio", "the Python package lgpio is missing; install it, or do not set GPIOZERO"),
        ("nonsense", "gpiozero has no pin factory nonsense; do not set GPIOZERO_PIN_FACTORY"),
    ],
)
def test_a_pin_factory_that_is_not_there_is_named(board, monkeypatch, name, problem):
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", name)
    monkeypatch.setitem(sys.modules, "lgpio", None)
    with pytest.raises(PinError, match=problem):
        contact_on(17)


@pytest.mark.parametrize("active_high", [False, True])
def test_a_button_is_pressed_at_the_level_of_its_wiring(board, active_high):
    assert not is_pressed(17, active_high=active_high)
    board.lines[17].drive(int(active_high))
    assert is_pressed(17, active_high=active_high)
    assert board.lines[17].request is None


@pytest.mark.parametrize("active_high", [True, False])
def test_a_light_is_lit_and_dark(board, active_high):
    lamp, on = Lamp([25], active_high=active_high), int(active_high)
    assert board.lines[25].level == 1 - on
    lamp.set(1.0)
    assert board.lines[25].level == on
    lamp.close()
    lamp.close()
    assert board.lines[25].level == 1 - on
    assert board.lines[25].request is None


def test_of_a_colour_what_is_nearer_to_lit_is_lit(board):
    lamp = Lamp([16, 20, 21])
    lamp.set(1.0, 0.4, 0.1)
    assert [board.lines[number].level for number in (16, 20, 21)] == [1, 1, 0]
    lamp.close()
    assert [board.lines[number].level for number in (16, 20, 21)] == [0, 0, 0]
