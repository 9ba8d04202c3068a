"""The board's serial number."""

from pathlib import Path

PLACES = (
    Path("/proc/device-tree/serial-number"),
    Path("/sys/class/dmi/id/product_serial"),
)


def serial_number(places: tuple[Path, ...] = PLACES) -> str | None:
    """Return the number that the board tells, or None."""
    for place in places:
        try:
            found = place.read_text(encoding="ascii").strip("\0 \n")
        except (OSError, UnicodeDecodeError):
            continue
        if found:
            return found
    return None
