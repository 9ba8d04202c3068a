"""gpiozero's own devices on our pin factory, over a chip in memory."""

import asyncio
import errno
import threading
import tomllib
from importlib import import_module

import gpiozero
import pytest
from gpiod.line import Bias, Direction, Edge
from gpiozero.pins import local

from tests.house.repository import ROOT
from voiced.devices.gpio.libgpiod import LibgpiodFactory

pytestmark = pytest.mark.usefixtures("factory")

EDGES = {"both": [1, 0, 1, 0], "rising": [1, 1], "falling": [0, 0], "none": []}


def refuse_revision():
    raise gpiozero.PinUnknownPi("no Pi")


def watching_threads():
    return [each for each in threading.enumerate() if each.name == "libgpiod"]


def test_gpiozero_finds_the_factory_by_its_name():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    module, _, name = project["entry-points"]["gpiozero_pin_factories"]["libgpiod"].partition(":")
    assert getattr(import_module(module), name) is LibgpiodFactory


@pytest.mark.real_time
@pytest.mark.parametrize("pull_up", [True, False])
async def test_an_input_tells_of_its_edges_on_the_event_loop(board, pull_up):
    line, seen = board.lines[17], []
    with gpiozero.DigitalInputDevice(17, pull_up=pull_up) as device:
        device.when_activated = lambda: seen.append((1, threading.current_thread()))
        device.when_deactivated = lambda: seen.append((0, threading.current_thread()))
        assert line.now.bias is (Bias.PULL_UP if pull_up else Bias.PULL_DOWN)
        assert device.value == 0
        line.drive(0 if pull_up else 1)
        assert device.value == 1
        assert seen == []
        await asyncio.sleep(0.01)
        line.drive(1 if pull_up else 0)
        await asyncio.sleep(0.01)
        here = threading.current_thread()
        assert seen == [(1, here), (0, here)]
    assert line.request is None
    assert watching_threads() == []


@pytest.mark.real_time
@pytest.mark.parametrize("edges", EDGES)
async def test_only_the_edges_that_are_asked_for_are_told_with_their_time(board, factory, edges):
    pin, told = factory.pin(17), []

    def tell(ticks, state):
        told.append((ticks, int(state)))

    pin.input_with_pull("floating")
    pin.when_changed = tell
    pin.edges = edges
    assert (pin.edges, pin.when_changed) == (edges, tell)
    for level in (1, 0, 1, 0):
        board.lines[17].drive(level)
    await asyncio.sleep(0.01)
    assert told == [(1.0 + at, level) for at, level in enumerate(EDGES[edges])]
    pin.when_changed = None
    assert board.lines[17].now.edge_detection is Edge.NONE
    board.lines[17].drive(1)
    await asyncio.sleep(0.01)
    assert len(told) == len(EDGES[edges])


@pytest.mark.real_time
async def test_who_takes_no_more_edges_in_the_middle_of_some_gets_no_more(board, factory):
    pin, told, faults = factory.pin(17), [], []
    asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))

    def tell(_, state):
        told.append(state)
        pin.when_changed = None

    pin.function = "input"
    pin.when_changed = tell
    for level in (1, 0, 1):
        board.lines[17].drive(level)
    await asyncio.sleep(0.01)
    assert (told, faults) == ([True], [])


@pytest.mark.real_time
async def test_a_chip_that_goes_away_is_told_of_once(board, factory, monkeypatch):
    faults = []
    asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))
    with gpiozero.DigitalInputDevice(17, pull_up=True):

        def gone(_):
            raise OSError(errno.ENODEV, "No such device")

        monkeypatch.setattr(board.lines[17].request, "wait_edge_events", gone)
        board.lines[17].drive(0)
        await asyncio.sleep(0.05)
        assert [fault["exception"].errno for fault in faults] == [errno.ENODEV]


def test_without_an_event_loop_one_thread_tells_of_all_edges(board, factory):
    one, two = gpiozero.Button(17), gpiozero.Button(18)
    for number, button in ((17, one), (18, two)):
        threading.Timer(0.02, board.lines[number].drive, [0]).start()
        assert button.wait_for_press(5)
    assert len(watching_threads()) == 1
    one.close()
    board.lines[18].drive(1)
    assert two.wait_for_release(5)
    factory.close()
    assert watching_threads() == []


def test_a_loop_that_is_closed_before_its_pins_harms_none(board):
    async def watch():
        return gpiozero.DigitalInputDevice(17)

    device = asyncio.run(watch())
    device.close()
    assert board.lines[17].request is None


@pytest.mark.parametrize("active_high", [True, False])
def test_a_light_is_dark_from_the_first_moment_and_lit_when_it_is_told(board, active_high):
    line, lit = board.lines[25], int(active_high)
    with gpiozero.LED(25, active_high=active_high) as light:
        assert line.settings[0].direction is Direction.OUTPUT
        assert line.level == 1 - lit
        light.on()
        assert (line.level, light.is_lit) == (lit, True)
        light.toggle()
        assert line.level == 1 - lit
    assert line.now.direction is Direction.INPUT
    assert line.request is None


def test_an_output_may_begin_as_the_line_is_found(board):
    board.lines[25].become(1)
    with gpiozero.LED(25, initial_value=None) as light:
        assert light.is_lit
    assert board.lines[25].levels == [0, 1]


def test_a_light_of_three_colours_is_three_lines(board):
    with gpiozero.RGBLED(16, 20, 21, pwm=False) as light:
        light.value = (1, 0, 1)
        assert [board.lines[number].level for number in (16, 20, 21)] == [1, 0, 1]


def test_there_is_no_dimming():
    with pytest.raises(gpiozero.PinPWMUnsupported):
        gpiozero.PWMLED(25)


def test_the_kernel_waits_until_a_contact_has_stopped_bouncing(board):
    with gpiozero.Button(17, bounce_time=0.02) as button:
        assert board.lines[17].now.debounce_period.total_seconds() == 0.02
        assert button.pin.bounce == 0.02
        button.pin.bounce = None
        assert board.lines[17].now.debounce_period.total_seconds() == 0


def test_a_pin_may_be_closed_and_used_for_something_else(board, factory):
    gpiozero.LED(25).close()
    pin = factory.pin(25)
    assert (pin.function, pin.pull, pin.bounce, pin.edges) == ("input", "floating", None, "both")
    with gpiozero.Button(25) as button:
        assert not button.is_pressed
        assert board.lines[25].now.bias is Bias.PULL_UP
    assert (pin.function, board.lines[25].request) == ("input", None)


def test_what_a_pin_is_may_be_seen_without_taking_it(board, factory):
    pin = factory.pin("J8:22")
    assert repr(pin) == "GPIO25"
    assert (pin.function, board.lines[25].settings) == ("input", [])
    assert pin.state is False
    assert board.lines[25].now.direction is Direction.AS_IS


def test_an_output_becomes_an_input_that_is_watched(board, factory):
    pin = factory.pin(25)
    pin.output_with_state(1)
    pin.when_changed = print
    assert board.lines[25].now.edge_detection is Edge.NONE
    pin.function = "input"
    assert board.lines[25].now.edge_detection is Edge.BOTH
    pin.function = "output"
    assert board.lines[25].now.edge_detection is Edge.NONE
    pin.close()


WRONG = {
    "function": (lambda pin: setattr(pin, "function", "pwm"), gpiozero.PinInvalidFunction),
    "pull": (lambda pin: setattr(pin, "pull", "sideways"), gpiozero.PinInvalidPull),
    "bounce": (lambda pin: setattr(pin, "bounce", -1), gpiozero.PinInvalidBounce),
    "long bounce": (lambda pin: setattr(pin, "bounce", 4295), gpiozero.PinInvalidBounce),
    "bounce in words": (lambda pin: setattr(pin, "bounce", "long"), gpiozero.PinInvalidBounce),
    "edges": (lambda pin: setattr(pin, "edges", "some"), gpiozero.PinInvalidEdges),
    "frequency": (lambda pin: setattr(pin, "frequency", 100), gpiozero.PinPWMUnsupported),
    "state of an input": (lambda pin: setattr(pin, "state", 1), gpiozero.PinSetInput),
    "half a state": (lambda pin: pin.output_with_state(0.5), gpiozero.PinInvalidState),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_a_pin_cannot_be_is_refused_and_changes_nothing(factory, what):
    change, kind = WRONG[what]
    pin = factory.pin(17)
    pin.input_with_pull("up")
    with pytest.raises(kind):
        change(pin)
    assert (pin.function, pin.pull, pin.bounce, pin.edges) == ("input", "up", None, "both")
    pin.close()


def test_an_output_is_not_pulled(factory):
    pin = factory.pin(17)
    pin.function = "output"
    with pytest.raises(gpiozero.PinFixedPull):
        pin.pull = "up"
    pin.close()


def test_a_pin_with_a_resistor_of_the_boards_is_pulled_that_way_only(factory):
    with gpiozero.Button(2) as button:
        assert button.pin.pull == "up"
    with pytest.raises(gpiozero.PinFixedPull, match="pull-up"):
        gpiozero.Button(2, pull_up=False)


def test_a_line_of_another_program_is_in_use_and_its_user_named(board):
    board.lines[25].request, board.lines[25].consumer = object(), "spi0 CS0"
    with pytest.raises(gpiozero.GPIOPinInUse, match="GPIO25 is already in use by 'spi0 CS0'"):
        gpiozero.LED(25)
    board.lines[25].request = None
    gpiozero.LED(25).close()


def test_a_chip_with_fewer_lines_than_the_header_says_so(board):
    del board.lines[8:]
    with pytest.raises(gpiozero.PinInvalidPin, match="no line 25: it has 0 to 7"):
        gpiozero.LED(25)


@pytest.mark.parametrize("name", [40, "40", "GPIO40"])
def test_a_board_that_is_no_pi_has_the_lines_of_its_chip(board, factory, monkeypatch, name):
    monkeypatch.setattr(local, "get_pi_revision", refuse_revision)
    with gpiozero.LED(name) as light:
        light.on()
        assert board.lines[40].level == 1
    assert factory.board_info.model == "pinctrl-bcm2835"
    with pytest.raises(gpiozero.PinInvalidPin):
        gpiozero.LED(54)


def test_a_chip_may_be_named(board):
    with LibgpiodFactory("/dev/gpiochip4") as factory:
        gpiozero.LED(25, pin_factory=factory).close()
    assert board.opened[-1] == "/dev/gpiochip4"
