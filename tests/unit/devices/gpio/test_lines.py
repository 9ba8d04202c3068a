"""Lines of the GPIO chip: which chip, which problems in which words, and dimming."""

import errno
import sys
import time
from types import SimpleNamespace

import pytest

from voiced.devices.gpio.lines import Contact, Lamp, PinError


@pytest.mark.parametrize("active_high", [False, True])
def test_a_contact_tells_its_level_and_its_edges(pins, active_high):
    contact = Contact(17, active_high=active_high)
    assert not contact.is_pressed
    contact.forget_edges()
    (pins.pin(17).drive_high if active_high else pins.pin(17).drive_low)()
    assert contact.is_pressed
    contact.forget_edges()
    contact.close()
    contact.close()
    assert pins.pin(17).request is None


@pytest.mark.parametrize(
    ("number", "problem"),
    [
        (errno.EBUSY, "it is in use; another setting or another program uses this pin"),
        (errno.EACCES, "permission denied; add the user to the group gpio"),
        (errno.EIO, "Input/output error; check the wiring"),
    ],
)
def test_a_refused_line_is_explained(pins, number, problem):
    def refuse(*_, **__):
        raise OSError(number, "Input/output error")

    class Refusing:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def get_info(self):
            return SimpleNamespace(label="pinctrl-rp1", num_lines=54)

        request_lines = refuse

    pins.module.Chip = lambda path: Refusing()
    with pytest.raises(PinError) as caught:
        Contact(17)
    assert str(caught.value) == problem


def test_a_chip_that_may_not_be_opened_is_explained(pins):
    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied")

    pins.module.Chip = refuse
    with pytest.raises(PinError, match="group gpio"):
        Lamp([25])


def test_a_machine_without_pins_is_no_raspberry_pi(pins):
    pins.module.is_gpiochip_device = lambda path: False
    with pytest.raises(PinError, match="is this a Raspberry Pi"):
        Lamp([25])


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "gpiod", None)
    with pytest.raises(PinError, match="pip install"):
        Lamp([25])


def test_a_pin_that_the_board_does_not_have_is_refused(pins):
    with pytest.raises(PinError, match="0 to 53"):
        Lamp([54])


def test_the_chip_of_the_header_is_found_among_others(pins):
    opened = []
    real = pins.module.Chip

    def chip(path):
        opened.append(path)
        found = real(path)
        if path != "/dev/gpiochip4":
            found.get_info = lambda: SimpleNamespace(label="another", num_lines=10)
        return found

    pins.module.is_gpiochip_device = lambda path: path in ("/dev/gpiochip0", "/dev/gpiochip4")
    pins.module.Chip = chip
    Lamp([25]).close()
    assert opened[-1] == "/dev/gpiochip4"


@pytest.mark.parametrize("active_high", [True, False])
def test_a_light_is_lit_and_dark(pins, active_high):
    lamp, on = Lamp([25], active_high=active_high), int(active_high)
    assert pins.pin(25).state == 1 - on
    lamp.set(1.0)
    assert pins.pin(25).state == on
    lamp.close()
    lamp.close()
    assert pins.pin(25).state == 1 - on


def test_without_dimming_the_nearest_level_is_shown(pins):
    lamp = Lamp([16, 20, 21])
    lamp.set(1.0, 0.4, 0.1)
    assert [pins.pin(number).state for number in (16, 20, 21)] == [1, 1, 0]
    lamp.close()


def test_a_dimmed_light_is_lit_for_its_share_of_the_time_and_rests_at_either_end(pins):
    lamp, pin = Lamp([25, 16], dims=True), pins.pin(25)
    lamp.set(0.3, 1.0)
    lit = 0
    for _ in range(1000):
        lit += pin.state
        time.sleep(0.0005)
    assert 0.2 < lit / 1000 < 0.45
    lamp.set(1.0, 0.0)
    time.sleep(0.05)
    changes = len(pin.states)
    time.sleep(0.1)
    assert (pin.state, len(pin.states)) == (1, changes)
    lamp.set(0.5, 0.5)
    lamp.close()
    assert pin.state == 0
