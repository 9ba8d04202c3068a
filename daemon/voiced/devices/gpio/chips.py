"""Find the GPIO chip of the board's pin header."""

import errno

import gpiod

BOARD_CHIPS = ("pinctrl-bcm2835", "pinctrl-bcm2711", "pinctrl-rp1")
"""Labels of the chips behind the 40-pin header of Raspberry Pis; a Pi 5 has other chips too, and the numbers vary."""

MOST_CHIPS = 16


def header_chip() -> str:
    """Return the path of the header's chip; if no label is known, that of the first chip.

    Raises:
        OSError: If there is no chip, or one may not be opened.
    """
    possible = [f"/dev/gpiochip{number}" for number in range(MOST_CHIPS)]
    paths = [path for path in possible if gpiod.is_gpiochip_device(path)]
    if not paths:
        raise FileNotFoundError(errno.ENOENT, "there is no GPIO chip")
    for path in paths:
        try:
            with gpiod.Chip(path) as chip:
                if chip.get_info().label in BOARD_CHIPS:
                    return path
        except PermissionError:
            raise
        except OSError:
            pass  # another chip may be the header's
    return paths[0]
