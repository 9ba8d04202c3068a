"""The board's serial number, and what tells a device from others where there is none."""

import hashlib
import re
from pathlib import Path

PLACES = (
    Path("/proc/device-tree/serial-number"),
    Path("/sys/class/dmi/id/product_serial"),
)

MACHINE_ID = Path("/etc/machine-id")
"""Made when the system is first started; not to be shown to strangers as it is (machine-id(5))."""

MARK_CHARS = 16

_FILLER = re.compile(
    r"(?i)0*|none|default string|system serial number|not (?:specified|applicable|available)"
    r"|to be filled.*|o\.e\.m.*|0?123456789.*|(.)\1*"
)
"""What stands in place of a serial number where nobody has given one."""


def serial_number(places: tuple[Path, ...] = PLACES) -> str | None:
    """Return the number that the board tells, or None."""
    for place in places:
        try:
            found = place.read_text(encoding="ascii").strip("\0 \n")
        except (OSError, UnicodeDecodeError):
            continue
        if found and _FILLER.fullmatch(found) is None:
            return found
    return None


def machine_mark(place: Path = MACHINE_ID) -> str | None:
    """Return what tells this installation from others, or None: a hash of its machine id, for voiced alone."""
    try:
        found = place.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    mark = hashlib.sha256(f"voiced {found}".encode()).hexdigest()[:MARK_CHARS]
    return mark if re.fullmatch("[0-9a-f]{32}", found) else None
