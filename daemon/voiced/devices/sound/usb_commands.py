"""Vendor commands to a sound card's chip over USB, through the kernel's usbdevfs: no driver, no library.

It never writes to the chip's permanent memory.
"""

import ctypes
import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

TIMEOUT_MS = 500

_XVF3800_SYSTEM = 48
_VERSION = 0
_REBOOT = 7
_READ = 0x80
_TO_DEVICE = 0x40  # vendor request, to the device
_FROM_DEVICE = 0xC0
_OK = 0
_AGAIN = 64  # status "retry": the answer is not ready yet
_TRIES = 5

Ioctl = Callable[[int, int, Any], int]


class _ControlTransfer(ctypes.Structure):
    """struct usbdevfs_ctrltransfer of linux/usbdevice_fs.h."""

    _fields_ = (
        ("request_type", ctypes.c_uint8),
        ("request", ctypes.c_uint8),
        ("value", ctypes.c_uint16),
        ("index", ctypes.c_uint16),
        ("length", ctypes.c_uint16),
        ("timeout_ms", ctypes.c_uint32),
        ("payload", ctypes.c_void_p),
    )


# _IOWR('U', 0, struct usbdevfs_ctrltransfer)
USBDEVFS_CONTROL = 0xC000_5500 | ctypes.sizeof(_ControlTransfer) << 16


class Xvf3800:
    """The control interface of a ReSpeaker XVF3800, through its `node` under /dev/bus/usb."""

    def __init__(self, node: Path, ioctl: Ioctl = fcntl.ioctl) -> None:
        self._node = node
        self._ioctl = ioctl

    def version(self) -> tuple[int, int, int]:
        """Return the firmware version.

        Raises:
            OSError: If the transfer fails or the chip refuses.
        """
        answer = bytes([_AGAIN])
        for _ in range(_TRIES):
            answer = self._transfer(_FROM_DEVICE, _READ | _VERSION, bytes(4))
            if answer[0] == _OK:
                return answer[1], answer[2], answer[3]
            if answer[0] != _AGAIN:
                break
        raise OSError(f"the chip answered with status {answer[0]}")

    def reboot(self) -> None:
        """Restart it; the card goes and comes back within seconds.

        Raises:
            OSError: If the transfer fails.
        """
        self._transfer(_TO_DEVICE, _REBOOT, b"\x01")

    def _transfer(self, request_type: int, command: int, payload: bytes) -> bytes:
        buffer = ctypes.create_string_buffer(payload, len(payload))
        transfer = _ControlTransfer(
            request_type, 0, command, _XVF3800_SYSTEM, len(payload), TIMEOUT_MS,
            ctypes.addressof(buffer),
        )  # fmt: skip
        node = os.open(self._node, os.O_RDWR)
        try:
            self._ioctl(node, USBDEVFS_CONTROL, transfer)
        finally:
            os.close(node)
        return buffer.raw


def node_of(usbbus: str, devices: Path = Path("/dev/bus/usb")) -> Path:
    """Return the device file for the content of /proc/asound/cardN/usbbus, like `001/004`."""
    return devices / usbbus.strip()
