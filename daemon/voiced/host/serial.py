"""The board's serial number, or another stable id of the device if it has none."""

import hashlib
import re
from pathlib import Path

PLACES = (
    Path("/proc/device-tree/serial-number"),
    Path("/sys/class/dmi/id/product_serial"),
)

MACHINE_ID = Path("/etc/machine-id")
"""Created at the first boot; confidential, so it must not leave the device as it is (machine-id(5))."""

MARK_CHARS = 16

_FILLER = re.compile(
    r"(?i)0*|none|default string|system serial number|not (?:specified|applicable|available)"
    r"|to be filled.*|o\.e\.m.*|0?123456789.*|(.)\1*"
)
"""Placeholders that vendors leave instead of a serial number."""


def serial_number(places: tuple[Path, ...] = PLACES) -> str | None:
    """Return the board's serial number, or None."""
    for place in places:
        try:
            found = place.read_text(encoding="ascii").strip("\0 \n")
        except (OSError, UnicodeDecodeError):
            continue
        if found and _FILLER.fullmatch(found) is None:
            return found
    return None


def machine_mark(place: Path = MACHINE_ID) -> str | None:
    """Return an id of this installation, or None: a hash of its machine id that only voiced uses."""
    try:
        found = place.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    mark = hashlib.sha256(f"voiced {found}".encode()).hexdigest()[:MARK_CHARS]
    return mark if re.fullmatch("[0-9a-f]{32}", found) else None
