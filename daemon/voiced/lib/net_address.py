"""Network addresses, and whether they are on this machine."""

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def canonical(text: str) -> Address:
    """Return an address without its zone, and an IPv4-mapped IPv6 address as IPv4.

    Raises:
        ValueError: If `text` is not an address.
    """
    address = ipaddress.ip_address(text.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def is_loopback(host: str) -> bool:
    """Tell whether a host, a name or an address in brackets or not, is this machine."""
    try:
        return canonical(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
