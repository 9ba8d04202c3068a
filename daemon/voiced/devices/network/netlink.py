"""The part of rtnetlink for links and routes. Pure packing and parsing.

Layouts and numbers: linux/netlink.h, linux/rtnetlink.h, linux/if_link.h, linux/if.h.
"""

import ipaddress
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, IntFlag

GROUPS = 0x1 | 0x10 | 0x40 | 0x100 | 0x400
"""RTMGRP_LINK, _IPV4_IFADDR, _IPV4_ROUTE, _IPV6_IFADDR, _IPV6_ROUTE."""

_HEADER = struct.Struct("=IHHII")
_LINK = struct.Struct("=BxHiII")
_ROUTE = struct.Struct("=8BI")
_ADDRESS = struct.Struct("=4Bi")
_ATTRIBUTE = struct.Struct("=HH")
_REQUEST, _DUMP = 0x1, 0x300
_MAIN_TABLE, _UNICAST = 254, 1
_RTA_DST, _RTA_SRC, _RTA_OIF, _IFLA_IFNAME = 1, 2, 4, 3
_FAMILIES = {4: 2, 6: 10}  # AF_INET, AF_INET6


class Kind(IntEnum):
    """Types of messages."""

    ERROR = 2
    DONE = 3
    NEW_LINK = 16
    DEL_LINK = 17
    GET_LINK = 18
    NEW_ADDRESS = 20
    DEL_ADDRESS = 21
    NEW_ROUTE = 24
    DEL_ROUTE = 25
    GET_ROUTE = 26


class LinkFlag(IntFlag):
    """IFF_*."""

    UP = 0x1
    LOOPBACK = 0x8
    LOWER_UP = 0x10000


class RouteFlag(IntFlag):
    """RTNH_F_*."""

    DEAD = 0x1
    LINK_DOWN = 0x10


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface, as the kernel describes it.

    Attributes:
        index: The kernel's number for it.
        name: Its name.
        flags: IFF_*.
        is_there: False if it was just removed.
    """

    index: int
    name: str
    flags: int
    is_there: bool = True

    @property
    def is_loopback(self) -> bool:
        """Nothing sent here leaves the machine."""
        return bool(self.flags & LinkFlag.LOOPBACK)

    @property
    def carries(self) -> bool:
        """It is switched on and has a carrier."""
        wanted = LinkFlag.UP | LinkFlag.LOWER_UP
        return self.is_there and self.flags & wanted == wanted


@dataclass(frozen=True, slots=True)
class Route:
    """A route, or the answer to how an address is reached.

    Attributes:
        interface: Index of the interface it leaves by.
        flags: RTNH_F_*.
        is_default: It leads everywhere, in the main table.
        is_there: False if it was just removed.
    """

    interface: int
    flags: int
    is_default: bool
    is_there: bool = True


@dataclass(frozen=True, slots=True)
class Address:
    """An address of this machine.

    Attributes:
        interface: Index of its interface.
        is_there: False if it was just removed.
    """

    interface: int
    is_there: bool = True


@dataclass(frozen=True, slots=True)
class Refusal:
    """The kernel's answer that it cannot, with the errno; 0 means done."""

    errno: int


Fact = Interface | Route | Address | Refusal


def ask_for_interfaces() -> bytes:
    """Return the request for a list of all interfaces."""
    return _request(Kind.GET_LINK, _REQUEST | _DUMP, _LINK.pack(0, 0, 0, 0, 0))


def ask_for_interface(index: int) -> bytes:
    """Return the request for one interface."""
    return _request(Kind.GET_LINK, _REQUEST, _LINK.pack(0, 0, index, 0, 0))


def ask_for_route(peer: str, local: str | None) -> bytes:
    """Return the request for the route to `peer`, from `local` or any address, both numeric."""
    there = ipaddress.ip_address(peer)
    bits = there.max_prefixlen
    attributes = _attribute(_RTA_DST, there.packed)
    if local is not None:
        attributes += _attribute(_RTA_SRC, ipaddress.ip_address(local).packed)
    from_bits = bits if local is not None else 0
    body = _ROUTE.pack(_FAMILIES[there.version], bits, from_bits, 0, 0, 0, 0, 0, 0)
    return _request(Kind.GET_ROUTE, _REQUEST, body + attributes)


def facts(datagram: bytes) -> Iterator[Fact]:
    """Yield the facts in a datagram from the kernel; malformed messages are skipped."""
    while len(datagram) >= _HEADER.size:
        length, kind, *_ = _HEADER.unpack_from(datagram)
        if not _HEADER.size <= length <= len(datagram):
            return
        try:
            fact = _fact(kind, datagram[_HEADER.size : length])
        except struct.error:
            fact = None
        if fact is not None:
            yield fact
        datagram = datagram[_padded(length) :]


def _fact(kind: int, body: bytes) -> Fact | None:
    match kind:
        case Kind.NEW_LINK | Kind.DEL_LINK:
            _, _, index, flags, _ = _LINK.unpack_from(body)
            name = _attributes(body[_LINK.size :]).get(_IFLA_IFNAME, b"?").rstrip(b"\0")
            return Interface(index, name.decode("ascii", "replace"), flags, kind == Kind.NEW_LINK)
        case Kind.NEW_ROUTE | Kind.DEL_ROUTE:
            _, prefix, _, _, table, _, _, route_type, flags = _ROUTE.unpack_from(body)
            leaves = _attributes(body[_ROUTE.size :]).get(_RTA_OIF, bytes(4))
            default = prefix == 0 and table == _MAIN_TABLE and route_type == _UNICAST
            return Route(
                int.from_bytes(leaves[:4], "little"), flags, default, kind == Kind.NEW_ROUTE
            )
        case Kind.NEW_ADDRESS | Kind.DEL_ADDRESS:
            *_, index = _ADDRESS.unpack_from(body)
            return Address(index, kind == Kind.NEW_ADDRESS)
        case Kind.ERROR | Kind.DONE:
            (code,) = struct.unpack_from("=i", body)
            return Refusal(-code)
        case _:
            return None


def _attributes(blob: bytes) -> dict[int, bytes]:
    found = {}
    while len(blob) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(blob)
        if not _ATTRIBUTE.size <= length <= len(blob):
            break
        found[kind] = blob[_ATTRIBUTE.size : length]
        blob = blob[_padded(length) :]
    return found


def _attribute(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value


def _request(kind: Kind, flags: int, body: bytes) -> bytes:
    return _HEADER.pack(_HEADER.size + len(body), kind, flags, 1, 0) + body


def _padded(length: int) -> int:
    return (length + 3) & ~3  # messages and attributes are aligned to 4 bytes
