"""A virtual Pi with all that is plugged into it."""

import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.pi.array.remote import ArrayProcess
from tests.pi.guest import Guest
from tests.pi.images import Image
from tests.pi.qemu import Computer

BUTTON, LIGHT = 4, 5
"""GPIO lines, as BCM numbers too."""

HOLD_S = 0.15
"""How long a person presses a button."""


class VirtualPi:
    """Disk, computer, array, wires and shell of one Pi; everything it writes is in `folder`.

    Attributes:
        array: Its microphone array and speaker.
        computer: What can be done to it from outside.
        guest: Its system.
    """

    def __init__(self, image: Image, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.image = image
        self.array = ArrayProcess(folder)
        self.computer = Computer(image, folder, self.array.usb_socket)
        self.guest = Guest(image, self.computer.ssh_port, folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.guest.disconnect()
        self.computer.stop()
        self.array.close()

    def boot(self, clock: str | None = None) -> float:
        """Switch it on and wait until its system has started; return how long that took."""
        self.computer.start(clock)
        self.release()
        return self.guest.wait_until_up()

    def reboot_by_power_cut(self) -> float:
        """Cut the power and give it back; return how long it took until its system had started."""
        self.guest.disconnect()
        self.computer.reset()
        self.release()
        time.sleep(2)  # the old system answers for a moment
        return self.guest.wait_until_up()

    def switch_off(self) -> None:
        self.guest.disconnect()
        self.computer.stop()

    def press(self, hold_s: float = HOLD_S) -> float:
        """Press the button for that long; return when it was pressed."""
        at_s = self.computer.pins.drive(BUTTON, high=False)
        time.sleep(hold_s)
        self.release()
        return at_s

    def release(self) -> None:
        """Let go of the button: its line is pulled up."""
        self.computer.pins.drive(BUTTON, high=True)
