"""A GPIO chip in memory for the tests of the pin factory: what gpiod gives, with gpiod's own words.

What a real chip does is seen on the virtual Pi.
"""

import errno
import os
from types import SimpleNamespace

from gpiod import EdgeEvent
from gpiod.line import Bias, Direction, Edge, Value

RISING, FALLING = EdgeEvent.Type.RISING_EDGE, EdgeEvent.Type.FALLING_EDGE


class Line:
    """One wire.

    Attributes:
        levels: Every level it had, 1 for 3.3 V.
        driven: By whoever is outside; None is nobody.
        settings: All it was set up with, one after the other.
        request: Who has it.
    """

    def __init__(self):
        self.levels = [0]
        self.driven = None
        self.settings = []
        self.request = None
        self.consumer = None

    @property
    def level(self):
        return self.levels[-1]

    @property
    def now(self):
        """How it is set up."""
        return self.settings[-1]

    def set_up(self, settings):
        self.settings.append(settings)
        if settings.direction is Direction.OUTPUT:
            self.become(int(settings.output_value is Value.ACTIVE) ^ settings.active_low)
        elif self.driven is None and settings.bias in (Bias.PULL_UP, Bias.PULL_DOWN):
            self.become(int(settings.bias is Bias.PULL_UP))

    def become(self, level):
        if level != self.level:
            self.levels.append(level)

    def drive(self, level):
        """Set it from outside."""
        changed, self.driven = level != self.level, level
        self.become(level)
        wanted = {Edge.BOTH: (0, 1), Edge.RISING: (1,), Edge.FALLING: (0,), Edge.NONE: ()}
        if changed and self.request and level in wanted[self.now.edge_detection]:
            self.request.note(RISING if level else FALLING)


class Board:
    """The chip, and what stands for `gpiod` before it.

    Attributes:
        refuses: The number of the error with which lines are refused, if they are.
    """

    def __init__(self, paths=("/dev/gpiochip0",), label="pinctrl-bcm2835", n_lines=54):
        self.paths = paths
        self.labels = {paths[-1]: label} if paths else {}
        self.lines = [Line() for _ in range(n_lines)]
        self.refuses = None
        self.opened = []

    def is_gpiochip_device(self, path):
        return path in self.paths

    def chip(self, path):
        self.opened.append(path)
        return Chip(self, path)


class Chip:
    def __init__(self, board, path):
        self._board = board
        self.path = path

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def get_info(self):
        label = self._board.labels.get(self.path, "another")
        return SimpleNamespace(label=label, name="gpiochip0", num_lines=len(self._board.lines))

    def get_line_info(self, number):
        line = self._board.lines[number]
        output = line.settings and line.now.direction is Direction.OUTPUT
        direction = Direction.OUTPUT if output else Direction.INPUT
        return SimpleNamespace(direction=direction, consumer=line.consumer)

    def request_lines(self, config, consumer):
        if self._board.refuses is not None:
            raise OSError(self._board.refuses, os.strerror(self._board.refuses))
        numbers = [n for key in config for n in (key if isinstance(key, tuple) else (key,))]
        if any(self._board.lines[number].request for number in numbers):
            raise OSError(errno.EBUSY, "Device or resource busy")
        (settings,) = config.values()
        return Request({n: self._board.lines[n] for n in numbers}, settings, consumer)


class Request:
    def __init__(self, lines, settings, consumer):
        self._lines = lines
        self._events = []
        self.fd = os.eventfd(0, os.EFD_NONBLOCK)
        for line in lines.values():
            line.request, line.consumer = self, consumer
            line.set_up(settings)

    def reconfigure_lines(self, config):
        for number, settings in config.items():
            self._lines[number].set_up(settings)

    def get_value(self, number):
        return Value.ACTIVE if self._lines[number].level else Value.INACTIVE

    def set_value(self, number, value):
        self._lines[number].become(int(value is Value.ACTIVE))

    def note(self, kind):
        at_ns = 1_000_000_000 * (len(self._events) + 1)
        self._events.append(EdgeEvent(kind.value, at_ns, 0, 0, 0))
        os.eventfd_write(self.fd, 1)

    def wait_edge_events(self, _timeout):
        return bool(self._events)

    def read_edge_events(self):
        os.eventfd_read(self.fd)
        events, self._events = self._events, []
        return events

    def release(self):
        os.close(self.fd)
        for line in self._lines.values():
            line.request = line.consumer = None
