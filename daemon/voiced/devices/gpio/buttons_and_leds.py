"""Buttons and lights on GPIO pins: edges become events, statuses become levels."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from voiced.core import gestures, led_patterns
from voiced.core.actions import Status
from voiced.core.gestures import Meaning
from voiced.devices.device_thread import Ending
from voiced.devices.gpio.early_light import lit_early
from voiced.devices.gpio.pins import Lamp, PinError, contact_on, import_gpiozero
from voiced.ports import Emit

LOOK_EVERY_S = 2.0
"""How often the level of a pressed button is read as well: a lost edge must not leave it stuck."""

SHORTEST_S = 0.001
"""The shortest time between two changes of a light."""


@dataclass(frozen=True, slots=True)
class ButtonWiring:
    """One button.

    Attributes:
        pin: BCM number.
        meaning: What its gestures do.
        active_high: Pressed connects it to 3.3 V, not to ground.
    """

    pin: int
    meaning: Meaning
    active_high: bool = False


class GpioButton:
    """A button between a pin and ground or 3.3 V, with the chip's own pull resistor. Implements `WakeSource`."""

    def __init__(self, wiring: ButtonWiring) -> None:
        self._wiring = wiring
        self._gestures = gestures.Button(wiring.meaning)
        self._timer: asyncio.TimerHandle | None = None

    async def watch(self, emit: Emit) -> None:
        loop, ending = asyncio.get_running_loop(), Ending()
        contact = contact_on(self._wiring.pin, active_high=self._wiring.active_high)

        def see() -> None:
            """Read the level. Edges only wake us: contacts bounce, so their number means nothing."""
            # First what is already due: a press counts even if the loop was blocked meanwhile.
            for event in self._gestures.advance(loop.time()):
                emit(event)
            self._gestures.level(contact.is_active, loop.time())
            if self._timer is not None:
                self._timer.cancel()
            due_s = self._due_s(loop.time())
            again = None if due_s is None else loop.call_at(due_s, ending.attempt, see)
            self._timer = again

        def changed() -> None:
            """Schedule `see`.

            Thread: the pin factory's, which may be the loop's.
            """
            loop.call_soon_threadsafe(ending.attempt, see)

        try:
            self._gestures.start(contact.is_active)
            contact.when_activated = contact.when_deactivated = changed
            see()  # it may have changed before the callbacks were set
            await ending.wait()
        finally:
            contact.close()
            if self._timer is not None:
                self._timer.cancel()
            for event in self._gestures.end():
                emit(event)

    @property
    def name(self) -> str:
        """Which button it is."""
        return f"button on GPIO {self._wiring.pin}"

    def _due_s(self, now_s: float) -> float | None:
        """Return when to read the level again; None at rest, so that an idle button costs nothing."""
        due_s = self._gestures.due_s()
        if not self._gestures.is_down:
            return due_s
        look_s = now_s + LOOK_EVERY_S
        return look_s if due_s is None else min(due_s, look_s)


@dataclass(frozen=True, slots=True)
class LightWiring:
    """One light.

    Attributes:
        pins: BCM number, or those of red, green and blue.
        active_high: Its pin is at 3.3 V while it is lit.
    """

    pins: Sequence[int]
    active_high: bool = True


class GpioLight:
    """Shows the status and whether sound may leave. Implements `Indicator`, `PrivacyLight` and `BackgroundTask`.

    A new status is shown before `show` returns; one task animates it.
    """

    def __init__(self, wiring: LightWiring) -> None:
        self.wiring = wiring
        self._lamp: Lamp | None = None
        self._status = Status.BOOTING
        self._leaving = False
        self._since_s = 0.0
        self._changed = asyncio.Event()

    @property
    def name(self) -> str:
        """Which light it is."""
        return f"light on GPIO {'/'.join(map(str, self.wiring.pins))}"

    def open(self) -> None:
        """Take the pins and light up.

        Raises:
            PinError: If a pin cannot be used.
        """
        self._lamp = Lamp(self.wiring.pins, active_high=self.wiring.active_high)

    @contextlib.contextmanager
    def moving(self) -> Iterator[None]:
        """Light up, and animate the light while the calling thread is busy. Only before `run`.

        Errors are ignored: `run` tries the pins again, and raises what is wrong with them.
        """
        with contextlib.suppress(PinError):
            with lit_early(self.wiring.pins, active_high=self.wiring.active_high):
                import_gpiozero()
            self.open()
        self._since_s = time.monotonic()
        stop = threading.Event()
        mover = threading.Thread(target=self._move, args=(stop,), name="first light", daemon=True)
        self._draw(0.0)
        mover.start()
        try:
            yield
        finally:
            stop.set()
            mover.join()

    def _move(self, stop: threading.Event) -> None:
        """Draw until `stop`.

        Thread: the first light's own.
        """
        wait_s: float | None = 0.0
        while not stop.wait(wait_s):
            wait_s = self._draw(time.monotonic() - self._since_s)

    def close(self) -> None:
        """Go dark and release the pins. Idempotent."""
        if self._lamp is not None:
            self._lamp.close()
            self._lamp = None

    def show(self, status: Status) -> None:
        if status is not self._status:
            self._status = status
            self._begin()

    def tell_leaving(self, leaving: bool, /) -> None:  # noqa: FBT001 - as the port says
        if leaving != self._leaving:
            self._leaving = leaving
            self._begin()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        if self._lamp is None:
            self.open()
        try:
            self._begin()
            while True:
                self._changed.clear()
                wait_s = self._draw(loop.time() - self._since_s)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        await self._changed.wait()
        finally:
            self.close()

    def _begin(self) -> None:
        self._since_s = asyncio.get_running_loop().time()
        self._draw(0.0)
        self._changed.set()

    def _draw(self, at_s: float) -> float | None:
        """Set the lamp; return when to draw again, in seconds, or None."""
        pattern = led_patterns.PATTERNS[self._status]
        level = led_patterns.brightness(pattern, at_s, leaving=self._leaving)
        if self._lamp is not None:
            if len(self.wiring.pins) == 1:
                self._lamp.set(level)
            else:
                colour = led_patterns.shown(pattern, leaving=self._leaving)
                self._lamp.set(*(level * part for part in colour))
        wait_s = led_patterns.next_change_s(pattern, at_s)
        return None if wait_s is None else max(wait_s, SHORTEST_S)
