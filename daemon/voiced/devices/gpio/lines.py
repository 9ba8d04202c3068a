"""GPIO lines through libgpiod's own Python bindings: nothing polls, and only a dimmed light has a thread.

Edges are news on a file, which the event loop waits for like for a socket. Pins are BCM numbers, which
are the line numbers of the board's own chip. `gpiod` is imported only when a pin is configured.
"""

import errno
import threading
from collections.abc import Sequence
from datetime import timedelta
from importlib import import_module
from typing import Any

from voiced.errors import VoicedError

BOARD_CHIPS = ("pinctrl-bcm2835", "pinctrl-bcm2711", "pinctrl-rp1")
"""Labels of the chips behind the 40-pin header of every Raspberry Pi; a Pi 5 has others beside it."""

MOST_CHIPS = 16
CONSUMER = "voiced"
CYCLE_S = 0.01
"""Of a dimmed light: 100 Hz, which no eye sees flicker."""


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


class Contact:
    """A button's line: an input with the chip's own pull.

    Args:
        pin: BCM number.
        active_high: Pressed connects it to 3.3 V, not to ground.

    Attributes:
        fd: Readable when there are edges.
    """

    def __init__(self, pin: int, *, active_high: bool = False) -> None:
        line = import_gpiod().line
        self._pin = pin
        self._active = line.Value.ACTIVE
        self._request = _request(
            [pin],
            direction=line.Direction.INPUT,
            edge_detection=line.Edge.BOTH,
            bias=line.Bias.PULL_DOWN if active_high else line.Bias.PULL_UP,
            active_low=not active_high,
        )
        self.fd: int = self._request.fd

    @property
    def is_pressed(self) -> bool:
        """What its level says now."""
        return bool(self._request.get_value(self._pin) == self._active)

    def forget_edges(self) -> None:
        """Take the news from `fd`. Their number says nothing: contacts bounce."""
        if self._request.wait_edge_events(timedelta(0)):
            self._request.read_edge_events()

    def close(self) -> None:
        """Let go of the line. Idempotent."""
        self.fd = -1
        _release(self._request)


class Lamp:
    """One light, of one or more lines.

    Args:
        pins: BCM numbers.
        active_high: A line is at 3.3 V while it is lit.
        dims: Levels between dark and lit are shown by a thread of their own; else the nearest is.
    """

    def __init__(
        self, pins: Sequence[int], *, active_high: bool = True, dims: bool = False
    ) -> None:
        line = import_gpiod().line
        self._pins = tuple(pins)
        self._values = (line.Value.INACTIVE, line.Value.ACTIVE)
        self._request = _request(
            self._pins, direction=line.Direction.OUTPUT, active_low=not active_high
        )
        self._dims = dims
        self._levels: tuple[float, ...] = (0.0,) * len(pins)
        self._changed = threading.Event()
        self._dimmer: threading.Thread | None = None
        self._closed = False

    def set(self, *levels: float) -> None:
        """Show a level from 0 to 1 on each line."""
        if levels == self._levels:
            return
        self._levels = levels
        if self._dims and any(0.0 < level < 1.0 for level in levels):
            if self._dimmer is None:
                self._dimmer = threading.Thread(target=self._dim, name="light", daemon=True)
                self._dimmer.start()
        elif self._dimmer is None:
            self._write([level > 0.3 for level in levels])  # noqa: PLR2004 - the green of orange counts
        self._changed.set()

    def close(self) -> None:
        """Go dark and let go of the lines. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self._changed.set()
        if self._dimmer is not None:
            self._dimmer.join()
        self._write([False] * len(self._pins))
        _release(self._request)

    def _dim(self) -> None:
        """Switch the lines on and off so fast that they look dimmed.

        Thread: the light's own.
        """
        while True:
            self._changed.clear()  # before looking: whoever closes meanwhile is not waited for in vain
            if self._closed:
                return
            levels = self._levels
            if not any(0.0 < level < 1.0 for level in levels):
                self._write([level > 0.0 for level in levels])
                self._changed.wait()
                continue
            self._write([level > 0.0 for level in levels])
            at_s = 0.0
            for level in sorted({each for each in levels if 0.0 < each < 1.0}):
                self._changed.wait(level * CYCLE_S - at_s)
                at_s = level * CYCLE_S
                self._write([each > level for each in levels])
            self._changed.wait(CYCLE_S - at_s)

    def _write(self, lit: Sequence[bool]) -> None:
        self._request.set_values(
            {pin: self._values[on] for pin, on in zip(self._pins, lit, strict=True)}
        )


def import_gpiod() -> Any:
    """Return `gpiod`, imported now.

    Raises:
        PinError: If it is not installed.
    """
    try:
        gpiod = import_module("gpiod")
        import_module("gpiod.line")
    except ImportError:
        raise PinError(
            "the Python package gpiod is missing", "install it: `pip install 'voiced[gpio]'`"
        ) from None
    return gpiod


def _request(pins: Sequence[int], **line_settings: Any) -> Any:
    gpiod = import_gpiod()
    path = _board_chip(gpiod)
    try:
        with gpiod.Chip(path) as chip:
            n_lines = chip.get_info().num_lines
            if max(pins) >= n_lines:
                raise PinError("this board has no such pin", f"it has 0 to {n_lines - 1}")
            return chip.request_lines(
                {pin: gpiod.LineSettings(**line_settings) for pin in pins}, consumer=CONSUMER
            )
    except OSError as error:
        raise _explained(error) from error


def _board_chip(gpiod: Any) -> str:
    """Return the path of the chip whose lines are on the header."""
    possible = [f"/dev/gpiochip{number}" for number in range(MOST_CHIPS)]
    paths = [path for path in possible if gpiod.is_gpiochip_device(path)]
    if not paths:
        raise PinError("there is no GPIO chip", "is this a Raspberry Pi?")
    for path in paths:
        try:
            with gpiod.Chip(path) as chip:
                if chip.get_info().label in BOARD_CHIPS:
                    return path
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EPERM):
                raise _explained(error) from error
    return paths[0]


def _explained(error: OSError) -> PinError:
    hints = {
        errno.EBUSY: ("it is in use", "another setting or another program uses this pin"),
        errno.EACCES: ("permission denied", "add the user to the group gpio"),
        errno.EPERM: ("permission denied", "add the user to the group gpio"),
    }
    return PinError(
        *hints.get(error.errno or 0, (error.strerror or str(error), "check the wiring"))
    )


def _release(request: Any) -> None:
    if request:  # false once it is released
        request.release()
