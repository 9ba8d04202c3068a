"""This device's names and addresses, looked up for each request: networks come and go."""

import ipaddress
import socket
from pathlib import Path

RESOLVER = Path("/etc/resolv.conf")
MOST_BYTES = 64 * 1024


def is_own(name: str, resolver: Path = RESOLVER) -> bool:
    """Return whether `name` is a name or an address of this device. Asks no name server.

    Args:
        name: In lower case; an IPv6 address may be in brackets.
        resolver: The file that lists the search domains of this network.
    """
    try:
        address = ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        own = socket.gethostname().lower()
        short = own.partition(".")[0]
        if name in {own, short, f"{short}.local"}:
            return True
        host, _, domain = name.partition(".")
        return host == short and domain in search_domains(resolver)
    return not (address.is_unspecified or address.is_multicast) and _is_here(address)


def own_links() -> list[str]:
    """Return the hosts by which browsers in this network reach this device, the best first."""
    # Addresses reserved for documentation: the route to them is the default route.
    routes = filter(None, map(_address_towards, ("192.0.2.1", "2001:db8::1")))
    addresses = [f"[{each}]" if ":" in each else each for each in routes]
    return [*addresses, f"{socket.gethostname().partition('.')[0]}.local"]


def search_domains(path: Path) -> set[str]:
    """Return the search domains in a file like `/etc/resolv.conf`."""
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES).decode("ascii", "replace")
    except OSError:
        return set()
    found: set[str] = set()
    for line in text.splitlines():
        key, *domains = line.split()[:8] or [""]
        if key in ("search", "domain"):
            found |= {domain.lower().strip(".") for domain in domains}
    return found - {""}


def _is_here(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Return whether an interface has this address: only then can a socket bind to it."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004 - IPv4
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True


def _address_towards(peer: str) -> str | None:
    """Return the address from which this device would reach `peer`; nothing is sent."""
    family = socket.AF_INET6 if ":" in peer else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((peer, 9))  # on UDP this only chooses the route
            return str(probe.getsockname()[0])
    except OSError:
        return None
