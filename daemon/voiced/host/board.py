"""The state of the board: temperature, throttling, Wi-Fi signal."""

from pathlib import Path

TEMPERATURE = Path("/sys/class/thermal/thermal_zone0/temp")
THROTTLED = Path("/sys/devices/platform/soc/soc:firmware/get_throttled")

WIRELESS = Path("/proc/net/wireless")
LOWEST_DBM = -256

HELD_BACK = 0b1111
"""The bits of a Raspberry Pi for now: undervoltage, frequency capped, throttled, too hot."""


def temperature(path: Path = TEMPERATURE) -> float | None:
    """Return the processor's temperature in degrees Celsius, or None if unknown."""
    try:
        return int(path.read_text()) / 1000
    except (OSError, ValueError, OverflowError):
        return None


def wifi_dbm(path: Path = WIRELESS) -> int | None:
    """Return how strong the signal of the Wi-Fi is, or None without one."""
    try:
        _, _, *lines = path.read_text().splitlines()
        levels = [float(line.split()[3]) for line in lines]
    except (OSError, ValueError, IndexError):
        return None
    # An interface without a connection reports 0, one that measures no level -256.
    return next((round(level) for level in levels if LOWEST_DBM < level < 0), None)


def is_throttled(path: Path = THROTTLED) -> bool | None:
    """Tell whether the processor is held back now, or None if unknown."""
    try:
        return bool(int(path.read_text(), 16) & HELD_BACK)
    except (OSError, ValueError):
        return None
