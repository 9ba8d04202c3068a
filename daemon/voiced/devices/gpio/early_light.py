"""A light that is lit through libgpiod alone, while gpiozero is still being imported.

To import gpiozero takes a small board half a second and more, and whoever has plugged in the power waits for
a sign.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from voiced.devices.gpio.pins import CONSUMER, FACTORY_VARIABLE
from voiced.lib.environment import variable


@contextmanager
def lit_early(pins: Sequence[int], *, active_high: bool) -> Iterator[None]:
    """Have the light on these pins lit as long as this lasts. Where that cannot be, it is dark.

    gpiozero's own light takes the pins when it is over, and finds out what is wrong if they cannot be had.
    """
    request = None
    if variable(FACTORY_VARIABLE) is None and "gpiozero" not in sys.modules:
        request = _request(pins, active_high=active_high)
    try:
        yield
    finally:
        if request is not None:
            request.release()


def _request(pins: Sequence[int], *, active_high: bool) -> Any:
    try:
        import gpiod
        from gpiod.line import Direction, Value

        from voiced.devices.gpio.chips import header_chip

        lit = gpiod.LineSettings(
            direction=Direction.OUTPUT, active_low=not active_high, output_value=Value.ACTIVE
        )
        with gpiod.Chip(header_chip()) as chip:
            return chip.request_lines({tuple(pins): lit}, consumer=CONSUMER)
    except (ImportError, OSError, ValueError):  # gpiod has ValueError for lines that are not there
        return None
