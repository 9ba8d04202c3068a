"""Tell a speakerphone over HID that a call is active: some deliver only zeros until then.

The report to write follows from the device's report descriptor (HID 1.11, section 6.2.2): the
output report with the usage Off-Hook (0x17) of the LED page (0x08).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LED_PAGE = 0x08
OFF_HOOK = 0x17

_SIZES = (0, 1, 2, 4)
_LONG_ITEM = 0xFE
_MAIN_OUTPUT = 0x90
_GLOBAL_USAGE_PAGE, _GLOBAL_REPORT_SIZE, _GLOBAL_REPORT_ID, _GLOBAL_REPORT_COUNT = (
    0x04, 0x74, 0x84, 0x94,
)  # fmt: skip
_LOCAL_USAGE, _LOCAL_USAGE_MINIMUM, _LOCAL_USAGE_MAXIMUM = 0x08, 0x18, 0x28
_MAIN = 0x0C
_IS_MAIN = 0x00


@dataclass(frozen=True, slots=True)
class OutputBit:
    """The position of one switch in a device's output reports.

    Attributes:
        report_id: The report; 0 if reports are not numbered.
        bit: Counted from the first bit after the report's number.
        report_bits: Length of that report.
    """

    report_id: int
    bit: int
    report_bits: int

    def report(self) -> bytes:
        """Return the report that switches it on, as bytes for hidraw."""
        body = bytearray((self.report_bits + 7) // 8)
        body[self.bit // 8] |= 1 << self.bit % 8
        return bytes([self.report_id]) + bytes(body)


def find_output(descriptor: bytes, page: int, usage: int) -> OutputBit | None:
    """Return the position of `usage` of `page` in a report descriptor, or None."""
    # Global items last until changed; local items (the usages) end with each main item.
    state: dict[int, int] = {}
    usages: list[int] = []
    lowest = 0
    used: dict[int, int] = {}
    found: tuple[int, int] | None = None
    for tag, value, size in _items(descriptor):
        if tag == _LOCAL_USAGE:
            usages.append(_full(value, size, state))
        elif tag == _LOCAL_USAGE_MINIMUM:
            lowest = _full(value, size, state)
        elif tag == _LOCAL_USAGE_MAXIMUM:
            usages += range(lowest, min(_full(value, size, state), lowest + 255) + 1)
        elif tag & _MAIN == _IS_MAIN:
            if tag == _MAIN_OUTPUT:
                report_id = state.get(_GLOBAL_REPORT_ID, 0)
                n_bits = state.get(_GLOBAL_REPORT_SIZE, 0)
                start = used.get(report_id, 0)
                used[report_id] = start + n_bits * state.get(_GLOBAL_REPORT_COUNT, 0)
                if found is None and page << 16 | usage in usages:
                    found = report_id, start + n_bits * usages.index(page << 16 | usage)
            usages, lowest = [], 0
        else:
            state[tag] = value
    return None if found is None else OutputBit(*found, used[found[0]])


def _full(value: int, size: int, state: dict[int, int]) -> int:
    """Return a usage with its page; only a usage of four bytes includes it."""
    return value if size == max(_SIZES) else state.get(_GLOBAL_USAGE_PAGE, 0) << 16 | value


def _items(descriptor: bytes) -> Iterator[tuple[int, int, int]]:
    at = 0
    while at < len(descriptor):
        head = descriptor[at]
        if head == _LONG_ITEM:
            at += 3 + (descriptor[at + 1] if at + 1 < len(descriptor) else 0)
            continue
        size = _SIZES[head & 3]
        yield head & 0xFC, int.from_bytes(descriptor[at + 1 : at + 1 + size], "little"), size
        at += 1 + size


def go_off_hook(
    usb_id: str, classes: Path = Path("/sys/class/hidraw"), nodes: Path = Path("/dev")
) -> bool:
    """Tell the device that a call is active; return whether it has a switch for that.

    Args:
        usb_id: `VID:PID`.
        classes: The kernel's folder of HID devices.
        nodes: The folder of their device files.

    Raises:
        OSError: If it cannot be told.
    """
    # The kernel writes HID_ID=0003:00002886:0000001A.
    vendor, product = (part.upper().zfill(8) for part in usb_id.split(":"))
    for entry in sorted(classes.glob("hidraw*")):
        try:
            named = (entry / "device" / "uevent").read_text(encoding="ascii", errors="replace")
            descriptor = (entry / "device" / "report_descriptor").read_bytes()
        except OSError:
            continue  # it was just unplugged
        if f":{vendor}:{product}" not in named.upper():
            continue
        if (output := find_output(descriptor, LED_PAGE, OFF_HOOK)) is not None:
            (nodes / entry.name).write_bytes(output.report())
            return True
    return False
