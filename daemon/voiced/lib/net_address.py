"""Network addresses, and which of them lead nowhere but to this machine."""

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def canonical(text: str) -> Address:
    """Return an address without its zone; an IPv4 address that came as IPv6 as what it is.

    Raises:
        ValueError: If it is none.
    """
    address = ipaddress.ip_address(text.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def is_loopback(host: str) -> bool:
    """Tell whether what is sent to a host, or listens at it, stays on this machine.

    Args:
        host: An address, in brackets or not, or a name.
    """
    try:
        return canonical(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
