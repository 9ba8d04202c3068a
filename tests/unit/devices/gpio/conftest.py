"""gpiozero on our pin factory, over a chip in memory."""

import gpiod
import gpiozero
import pytest
from gpiozero.pins import local

from tests.unit.devices.gpio.fake_gpiod import Board
from voiced.devices.gpio.libgpiod import LibgpiodFactory

ZERO_2_W = 0x902120


@pytest.fixture
def board(monkeypatch):
    """The chip of a Zero 2 W; `Device.pin_factory` is left to be chosen."""
    board = Board()
    monkeypatch.setattr(gpiod, "Chip", board.chip)
    monkeypatch.setattr(gpiod, "is_gpiochip_device", board.is_gpiochip_device)
    monkeypatch.setattr(local, "get_pi_revision", lambda: ZERO_2_W)
    monkeypatch.setattr(gpiozero.Device, "pin_factory", None)
    monkeypatch.delenv("GPIOZERO_PIN_FACTORY", raising=False)
    yield board
    if gpiozero.Device.pin_factory is not None:
        gpiozero.Device.pin_factory.close()


@pytest.fixture
def factory(board):
    """Our factory over `board`, which is gpiozero's default."""
    gpiozero.Device.pin_factory = LibgpiodFactory()
    return gpiozero.Device.pin_factory
