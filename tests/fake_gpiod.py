"""A board whose GPIO pins exist in memory only: stands in for libgpiod's Python bindings.

Only what voiced uses, with the behaviour of the real thing: edges are news on a file, a line has one
owner. What the real chip does is seen on the virtual Pi.
"""

import errno
import os
from enum import Enum
from types import ModuleType, SimpleNamespace

N_LINES = 54


class Value(Enum):
    INACTIVE = 0
    ACTIVE = 1


class Direction(Enum):
    INPUT = 1
    OUTPUT = 2


class Edge(Enum):
    NONE = 1
    BOTH = 2


class Bias(Enum):
    PULL_UP = 1
    PULL_DOWN = 2


class Pin:
    """One wire.

    Attributes:
        state: Its level, 1 for 3.3 V.
        states: Every level that an output had.
        deaf: Edges get lost.
    """

    def __init__(self):
        self.state = 0
        self.states = [0]
        self.finger = None
        self.deaf = False
        self.request = None

    def drive_low(self):
        self._drive(0)

    def drive_high(self):
        self._drive(1)

    def _drive(self, level):
        self.finger = level
        changed, self.state = self.state != level, level
        if changed and self.request is not None and not self.deaf:
            self.request.note_edge()


class Board:
    """The pins, and the module that drives them."""

    def __init__(self):
        self.pins = [Pin() for _ in range(N_LINES)]
        self.module = ModuleType("gpiod")
        self.line = ModuleType("gpiod.line")
        for kind in (Value, Direction, Edge, Bias):
            setattr(self.line, kind.__name__, kind)
        self.module.line = self.line
        self.module.LineSettings = SimpleNamespace
        self.module.is_gpiochip_device = lambda path: path == "/dev/gpiochip0"
        self.module.Chip = lambda path: Chip(self, path)
        self.requests = []

    def pin(self, number):
        return self.pins[number]

    def close(self):
        for request in self.requests:
            request.release()


class Chip:
    def __init__(self, board, path):
        self._board = board

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def get_info(self):
        return SimpleNamespace(label="pinctrl-bcm2835", num_lines=N_LINES)

    def request_lines(self, config, consumer):
        if any(self._board.pins[number].request for number in config):
            raise OSError(errno.EBUSY, "Device or resource busy")
        request = Request(self._board, config)
        self._board.requests.append(request)
        return request


class Request:
    def __init__(self, board, config):
        self._pins = {number: board.pins[number] for number in config}
        self._settings = config
        self._released = False
        self.fd = os.eventfd(0, os.EFD_NONBLOCK)
        for number, pin in self._pins.items():
            pin.request = self
            settings = config[number]
            if settings.direction is Direction.OUTPUT:
                self._set(number, Value.INACTIVE)
            elif pin.finger is None:
                pin.state = int(settings.bias is Bias.PULL_UP)

    def __bool__(self):
        return not self._released

    def note_edge(self):
        os.eventfd_write(self.fd, 1)

    def wait_edge_events(self, timeout):
        try:
            os.eventfd_write(self.fd, os.eventfd_read(self.fd))
        except BlockingIOError:
            return False
        return True

    def read_edge_events(self):
        return [None] * os.eventfd_read(self.fd)

    def get_value(self, number):
        high = self._pins[number].state
        return Value(high ^ self._settings[number].active_low)

    def set_values(self, values):
        for number, value in values.items():
            self._set(number, value)

    def _set(self, number, value):
        pin = self._pins[number]
        pin.state = value.value ^ self._settings[number].active_low
        pin.states.append(pin.state)

    def release(self):
        if not self._released:
            self._released = True
            os.close(self.fd)
            for pin in self._pins.values():
                pin.request = None
