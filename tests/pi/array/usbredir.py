"""The usbredir protocol, as far as an audio device needs it. Source: usb-redir's usb-redir-protocol.txt."""

import struct
from enum import IntEnum


class Kind(IntEnum):
    """What a packet is about."""

    HELLO = 0
    DEVICE_CONNECT = 1
    DEVICE_DISCONNECT = 2
    RESET = 3
    INTERFACE_INFO = 4
    EP_INFO = 5
    SET_CONFIGURATION = 6
    GET_CONFIGURATION = 7
    CONFIGURATION_STATUS = 8
    SET_ALT_SETTING = 9
    GET_ALT_SETTING = 10
    ALT_SETTING_STATUS = 11
    START_ISO_STREAM = 12
    STOP_ISO_STREAM = 13
    ISO_STREAM_STATUS = 14
    CANCEL = 21
    FILTER_REJECT = 22
    FILTER_FILTER = 23
    DEVICE_DISCONNECT_ACK = 24
    CONTROL = 100
    ISO = 102


IGNORED = {
    Kind.RESET,
    Kind.CANCEL,
    Kind.FILTER_REJECT,
    Kind.FILTER_FILTER,
    Kind.DEVICE_DISCONNECT_ACK,
}

CONTROL_HEADER = struct.Struct("<BBBBHHH")
"""Endpoint, request, request type, status, value, index, length."""

ISO_HEADER = struct.Struct("<BBH")
STALL = 4

_CAPABILITIES_AT = 64
_VERSION = 1
_MAX_PACKET_SIZE = 4
_LONG_IDS = 5
_LONG_BULK = 6
_SHORT_HEADER = struct.Struct("<III")
_LONG_HEADER = struct.Struct("<IIQ")


def hello(name: str) -> bytes:
    """Return the first packet's body. QEMU's xHCI refuses a peer without these capabilities."""
    able = sum(1 << bit for bit in (_VERSION, _MAX_PACKET_SIZE, _LONG_IDS, _LONG_BULK))
    return name.encode().ljust(_CAPABILITIES_AT, b"\0") + struct.pack("<I", able)


def has_long_ids(body: bytes) -> bool:
    """Tell whether the peer that said hello numbers packets with 64 bits. Its hello does not."""
    (able,) = struct.unpack_from("<I", body, _CAPABILITIES_AT)
    return bool(able & 1 << _LONG_IDS)


def header(long_ids: bool) -> struct.Struct:
    """Return what stands before every body: kind, length, number."""
    return _LONG_HEADER if long_ids else _SHORT_HEADER
