"""Open gpiozero devices by pin number, and explain what is wrong with a pin.

Pins are BCM numbers. gpiozero and its pin factory are imported only when a pin is configured.
"""

import errno
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, TypeVar

from voiced.errors import VoicedError
from voiced.lib.environment import variable

FACTORY_VARIABLE = "GPIOZERO_PIN_FACTORY"
"""gpiozero's variable for another pin factory, such as `mock`, `pigpio` or `lgpio`."""

CONSUMER = "voiced"
LIT_ABOVE = 0.3
"""Of a colour component. The pins are on or off, so orange is shown as red."""

IN_USE = ("it is in use", "another setting or another program uses this pin")
DENIED = ("permission denied", "add the user to the group gpio")

Opened = TypeVar("Opened")


class PinError(VoicedError):
    """A pin cannot be used.

    Attributes:
        problem: Why, in one clause.
        hint: What to do about it.
    """

    def __init__(self, problem: str, hint: str) -> None:
        super().__init__(problem, hint)
        self.problem = problem
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.problem}; {self.hint}"


def contact_on(pin: int, *, active_high: bool = False) -> Any:
    """Return a button's contact, a `gpiozero.DigitalInputDevice`, with the chip's own pull.

    Not a `gpiozero.Button`, which starts a thread to time a hold.

    Args:
        pin: BCM number.
        active_high: Pressed connects it to 3.3 V, not to ground.

    Raises:
        PinError: If the pin cannot be used.
    """
    return _opened(lambda: import_gpiozero().DigitalInputDevice(pin, pull_up=not active_high))


def is_pressed(pin: int, *, active_high: bool = False) -> bool:
    """Tell whether a button is pressed now; see `contact_on`.

    Raises:
        PinError: If the pin cannot be used.
    """

    def look() -> bool:
        with import_gpiozero().InputDevice(pin, pull_up=not active_high) as contact:
            return bool(contact.is_active)

    return _opened(look)


class Lamp:
    """One light: a `gpiozero.LED`, or an `RGBLED` of three pins. If `active_high`, a lit pin is at 3.3 V.

    Raises:
        PinError: If a pin cannot be used.
    """

    def __init__(self, pins: Sequence[int], *, active_high: bool = True) -> None:
        def make() -> Any:
            gpiozero = import_gpiozero()
            if len(pins) == 1:
                return gpiozero.LED(pins[0], active_high=active_high)
            return gpiozero.RGBLED(*pins, active_high=active_high, pwm=False)

        self._lit = (False,) * len(pins)
        self._device = _opened(make)

    def set(self, *levels: float) -> None:
        """Light each pin whose level, from 0 to 1, is above `LIT_ABOVE`."""
        lit = tuple(level > LIT_ABOVE for level in levels)
        if lit != self._lit:
            self._device.value = lit if len(lit) > 1 else lit[0]
            self._lit = lit

    def close(self) -> None:
        """Go dark and release the pins. Idempotent."""
        if not self._device.closed:
            self._device.off()
            self._device.close()


def import_gpiozero() -> Any:
    """Import and return `gpiozero`, with the pin factory of the environment or else our own.

    Raises:
        PinError: If it is not installed, or the pins cannot be reached.
    """
    return _opened(_ready_gpiozero)


def _ready_gpiozero() -> Any:
    gpiozero = import_module("gpiozero")
    if gpiozero.Device.pin_factory is None:
        if variable(FACTORY_VARIABLE) is not None:
            gpiozero.Device.ensure_pin_factory()
        else:
            ours = import_module("voiced.devices.gpio.libgpiod")
            gpiozero.Device.pin_factory = ours.LibgpiodFactory(consumer=CONSUMER)
    return gpiozero


def _opened(make: Callable[[], Opened]) -> Opened:
    """Return what `make` returns.

    Raises:
        PinError: If it fails.
    """
    try:
        return make()
    except PinError:
        raise
    except Exception as error:  # noqa: BLE001 - other pin factories raise what they like
        problem = _explained(error)
    # Outside the handler: the caught exception would keep the half-made device alive. If the garbage collector
    # closed that while the next device is made, gpiozero would wait for its own lock.
    raise problem


def _explained(error: Exception) -> PinError:
    chosen = variable(FACTORY_VARIABLE)
    if isinstance(error, ImportError) and error.name:
        install = "install it: `pip install 'voiced[gpio]'`"
        if chosen is not None:
            install = f"install it, or do not set {FACTORY_VARIABLE}"
        return PinError(f"the Python package {error.name} is missing", install)
    if isinstance(error, OSError):
        return _refusal(error)
    gpiozero = import_module("gpiozero")
    known = {
        gpiozero.GPIOPinInUse: IN_USE,
        gpiozero.PinInvalidPin: (
            "this board has no such pin",
            "pins are BCM numbers, as `pinout` shows them",
        ),
        gpiozero.PinFixedPull: (
            "the board itself pulls this pin up",
            "use another one, or a button to ground",
        ),
        gpiozero.BadPinFactory: (
            f"gpiozero has no pin factory {chosen}",
            f"do not set {FACTORY_VARIABLE}",
        ),
    }
    for kind, (problem, hint) in known.items():
        if isinstance(error, kind):
            return PinError(problem, hint)
    return PinError(str(error) or type(error).__name__, "check the wiring")


def _refusal(error: OSError) -> PinError:
    known = {
        errno.EBUSY: IN_USE,
        errno.EACCES: DENIED,
        errno.EPERM: DENIED,
        errno.ENOENT: ("there is no GPIO chip", "is this a Raspberry Pi?"),
    }
    problem, hint = known.get(error.errno or 0, (error.strerror or str(error), "check the wiring"))
    return PinError(problem, hint)
