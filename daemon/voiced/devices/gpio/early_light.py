"""A first light through libgpiod alone, while gpiozero is still being imported.

The import takes a small board half a second or more, and the user who plugged it in waits for a sign of life.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from voiced.devices.gpio.pins import CONSUMER, FACTORY_VARIABLE
from voiced.lib.environment import variable


@contextmanager
def lit_early(pins: Sequence[int], *, active_high: bool) -> Iterator[None]:
    """Light these pins while the block runs. If that fails, they stay dark.

    gpiozero takes the pins afterwards, and reports what is wrong with them.
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
    except (ImportError, OSError, ValueError):  # gpiod raises ValueError for missing lines
        return None
