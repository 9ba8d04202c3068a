"""gpiozero's pins on the kernel's GPIO character device, through libgpiod v2.

gpiozero's own lgpio factory uses the same device but is not used here: it has a thread that wakes 2,000 times a
second while any edge is watched, reports edges through a FIFO in the working directory, calls back on another
thread, and has no wheel for Python 3.13 on a Pi. Here the kernel reports edges through each line's own file
descriptor to the running asyncio event loop. A program without a loop gets one thread for all pins, which sleeps
until there is an edge.

Nothing here is specific to voiced: this module and `chips` could move to gpiozero (its issue 840).
"""

import asyncio
import errno
import os
import select
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import gpiod
import gpiozero
from gpiod.line import Bias, Direction, Edge, Value
from gpiozero.compat import frozendict
from gpiozero.pins.local import LocalPiFactory, LocalPiPin

from voiced.devices.gpio.chips import header_chip

BIASES = {"up": Bias.PULL_UP, "down": Bias.PULL_DOWN, "floating": Bias.DISABLED}
EDGES = {"both": Edge.BOTH, "rising": Edge.RISING, "falling": Edge.FALLING, "none": Edge.NONE}


class LibgpiodFactory(LocalPiFactory):
    """Makes pins of the lines of one GPIO chip.

    On a Raspberry Pi the pins have gpiozero's names; on other boards they are the chip's line numbers, such as
    `GPIO4` or 4.

    Args:
        chip: The path of the chip's device; by default the header's.
        consumer: The name other programs see as the user of a line.
    """

    def __init__(self, chip: str | None = None, consumer: str = "gpiozero") -> None:
        super().__init__()
        self.pin_class = LibgpiodPin
        self._info: gpiozero.BoardInfo | None = None
        self._chip = chip
        self._consumer = consumer
        self._watcher: _Watcher | None = None

    def close(self) -> None:
        """Release every line."""
        super().close()
        if self._watcher is not None:
            self._watcher.close()
            self._watcher = None

    def open_chip(self) -> gpiod.Chip:
        """Open the chip; the caller closes it.

        Raises:
            OSError: If it cannot be opened.
        """
        return gpiod.Chip(self._chip or header_chip())

    def request(self, line: int, settings: gpiod.LineSettings) -> gpiod.LineRequest:
        """Request a line.

        Raises:
            GPIOPinInUse: If another program has it.
            PinInvalidPin: If the chip has no such line.
            OSError: If the kernel refuses for another reason.
        """
        with self.open_chip() as chip:
            n_lines = chip.get_info().num_lines
            if line >= n_lines:
                raise gpiozero.PinInvalidPin(
                    f"{chip.path} has no line {line}: it has 0 to {n_lines - 1}"
                )
            try:
                return chip.request_lines({line: settings}, consumer=self._consumer)
            except OSError as error:
                if error.errno != errno.EBUSY:
                    raise
                user = chip.get_line_info(line).consumer
                raise gpiozero.GPIOPinInUse(
                    f"pin GPIO{line} is already in use by {user!r}"
                ) from error

    def watch(self, fd: int, read: Callable[[], None]) -> Callable[[], None]:
        """Call `read` whenever `fd` is readable; return a function that ends this."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            if self._watcher is None:
                self._watcher = _Watcher()
            return self._watcher.watch(fd, read)
        loop.add_reader(fd, read)
        return lambda: _leave(loop, fd)

    def _get_board_info(self) -> gpiozero.BoardInfo:
        if self._info is None:
            try:
                return super()._get_board_info()
            except (gpiozero.PinUnknownPi, OSError):  # not a Pi, or its revision cannot be read
                self._info = self._board_of_chip()
        return self._info

    def _board_of_chip(self) -> gpiozero.BoardInfo:
        """Describe an unknown board by its chip alone: one header with a pin per line."""
        with self.open_chip() as chip:
            known = chip.get_info()
        pins = {
            line + 1: gpiozero.PinInfo(
                number=line + 1,
                name=f"GPIO{line}",
                names=frozenset({line, str(line), f"GPIO{line}", f"BCM{line}"}),
                pull="",
                row=line + 1,
                col=1,
                interfaces=frozenset({"gpio"}),
            )
            for line in range(known.num_lines)
        }
        header = gpiozero.HeaderInfo(
            name=known.name, rows=len(pins), columns=1, pins=frozendict(pins)
        )
        unknown = dict.fromkeys(gpiozero.BoardInfo._fields, "")
        of_it = {"model": known.label, "headers": frozendict({known.name: header})}
        return gpiozero.BoardInfo(**unknown | of_it)


class LibgpiodPin(LocalPiPin):
    """One line of a GPIO chip. It is requested when first set up or read, and released by `close`."""

    def __init__(self, factory: LibgpiodFactory, info: gpiozero.PinInfo) -> None:
        super().__init__(factory, info)
        self._when_changed: Any = None
        self._request: gpiod.LineRequest | None = None
        self._unwatch: Callable[[], None] | None = None
        self._forget()

    def _forget(self) -> None:
        """Reset the settings to their initial values."""
        self._direction = Direction.AS_IS
        self._pull: str = self.info.pull or "floating"
        self._bounce: float | None = None
        self._edges = "both"

    def close(self) -> None:
        """Make it an input and release it. It may be set up again."""
        self._when_changed = None
        self._stop_watching()
        request, self._request = self._request, None
        if request is not None:
            with suppress(OSError):  # the chip may be gone
                if self._direction is Direction.OUTPUT:
                    as_input = gpiod.LineSettings(direction=Direction.INPUT)
                    request.reconfigure_lines({self._number: as_input})
            request.release()
        self._forget()

    def output_with_state(self, state: float) -> None:
        """Make it an output with `state`, without a glitch in between."""
        value = self._value(state)
        self._stop_watching()
        self._apply(gpiod.LineSettings(direction=Direction.OUTPUT, output_value=value))
        self._direction = Direction.OUTPUT

    def input_with_pull(self, pull: str) -> None:
        """Make it an input with the pull `up`, `down` or `floating`."""
        if self.info.pull not in (pull, ""):
            raise gpiozero.PinFixedPull(f"{self!r} has a physical pull-{self.info.pull} resistor")
        if pull not in BIASES:
            raise gpiozero.PinInvalidPull(f'invalid pull "{pull}" for pin {self!r}')
        before, self._pull = self._pull, pull
        try:
            self._apply_as_input()
        except BaseException:
            self._pull = before
            raise

    def _apply_as_input(self) -> None:
        is_watched = self._when_changed is not None
        settings = gpiod.LineSettings(
            direction=Direction.INPUT,
            bias=BIASES[self._pull],
            debounce_period=timedelta(seconds=self._bounce or 0),
            edge_detection=EDGES[self._edges] if is_watched else Edge.NONE,
        )
        self._apply(settings)
        self._direction = Direction.INPUT
        if is_watched and self._unwatch is None:
            self._unwatch = self.factory.watch(self._taken().fd, self._read_edges)

    def _apply(self, settings: gpiod.LineSettings) -> None:
        if self._request is None:
            self._request = self.factory.request(self._number, settings)
        else:
            self._request.reconfigure_lines({self._number: settings})

    def _taken(self) -> gpiod.LineRequest:
        """Return the line's request; a new one leaves the line as it is."""
        if self._request is None:
            self._apply(gpiod.LineSettings(direction=Direction.AS_IS))
        request = self._request
        assert request is not None  # noqa: S101 - for the type checker
        return request

    def _get_function(self) -> str:
        direction = self._direction
        if direction is Direction.AS_IS:
            with self.factory.open_chip() as chip:
                direction = chip.get_line_info(self._number).direction
        return "output" if direction is Direction.OUTPUT else "input"

    def _set_function(self, value: str) -> None:
        if value == "input":
            self._apply_as_input()
        elif value == "output":
            self.output_with_state(self._get_state())
        else:
            raise gpiozero.PinInvalidFunction(f'invalid function "{value}" for pin {self!r}')

    def _get_state(self) -> bool:
        return self._taken().get_value(self._number) is Value.ACTIVE

    def _set_state(self, value: float) -> None:
        if self._get_function() != "output":
            raise gpiozero.PinSetInput(f"cannot set state of pin {self!r}")
        if self._direction is Direction.OUTPUT:
            self._taken().set_value(self._number, self._value(value))
        else:
            self.output_with_state(value)

    def _value(self, state: float) -> Value:
        if state not in (0, 1):
            raise gpiozero.PinInvalidState(f'invalid state "{state}" for pin {self!r}')
        return Value.ACTIVE if state else Value.INACTIVE

    def _get_pull(self) -> str:
        return self._pull

    def _set_pull(self, value: str) -> None:
        if self._get_function() != "input":
            raise gpiozero.PinFixedPull(f"cannot set pull on non-input pin {self!r}")
        self.input_with_pull(value)

    def _get_bounce(self) -> float | None:
        return self._bounce

    def _set_bounce(self, value: Any) -> None:
        try:
            bounce = None if value is None else float(value)
        except (TypeError, ValueError):
            bounce = -1.0
        if bounce is not None and not 0 <= bounce < 2**32 / 1_000_000:  # the kernel counts in µs
            raise gpiozero.PinInvalidBounce(f"bounce must be 0 or more seconds, not {value!r}")
        if bounce != self._bounce:
            self._bounce = bounce
            if self._direction is Direction.INPUT:
                self._apply_as_input()

    def _get_edges(self) -> str:
        return self._edges

    def _set_edges(self, value: str) -> None:
        if value not in EDGES:
            raise gpiozero.PinInvalidEdges(f'invalid edges "{value}" for pin {self!r}')
        if value != self._edges:
            self._edges = value
            if self._unwatch is not None:
                self._apply_as_input()

    def _enable_event_detect(self) -> None:
        if (
            self._direction is not Direction.OUTPUT
        ):  # an output starts detection when it becomes an input
            self._apply_as_input()

    def _disable_event_detect(self) -> None:
        self._stop_watching()
        self._when_changed = None
        if self._direction is Direction.INPUT:
            self._apply_as_input()

    def _stop_watching(self) -> None:
        if self._unwatch is not None:
            self._unwatch()
            self._unwatch = None

    def _read_edges(self) -> None:
        """Report the edges on the line."""
        request = self._taken()
        try:
            events = request.read_edge_events() if request.wait_edge_events(0) else []
        except OSError:
            self._stop_watching()  # after an error it stays readable, which would spin the loop
            raise
        for event in events:
            if self._when_changed is None:
                return  # the callback for the previous edge removed itself
            state = event.event_type is event.Type.RISING_EDGE
            self._call_when_changed(event.timestamp_ns / 1_000_000_000, state)


class _Watcher:
    """A thread that waits for the edges of all pins, for programs without an event loop."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._readers: dict[int, Callable[[], None]] = {}
        self._stop = os.eventfd(0)  # wakes the thread so that it can end
        self._epoll.register(self._stop, select.EPOLLIN)
        self._thread = threading.Thread(target=self._live, name="libgpiod", daemon=True)
        self._thread.start()

    def watch(self, fd: int, read: Callable[[], None]) -> Callable[[], None]:
        """See `LibgpiodFactory.watch`."""
        self._readers[fd] = read
        self._epoll.register(fd, select.EPOLLIN)
        return lambda: self._leave(fd)

    def _leave(self, fd: int) -> None:
        self._readers.pop(fd, None)
        with suppress(OSError):
            self._epoll.unregister(fd)

    def _live(self) -> None:
        while True:
            for fd, _ in self._epoll.poll():
                if fd == self._stop:
                    return
                if read := self._readers.get(fd):
                    read()

    def close(self) -> None:
        """End the thread."""
        os.eventfd_write(self._stop, 1)
        if threading.current_thread() is not self._thread:
            self._thread.join()
        self._epoll.close()
        os.close(self._stop)


def _leave(loop: asyncio.AbstractEventLoop, fd: int) -> None:
    if not loop.is_closed():
        loop.remove_reader(fd)
