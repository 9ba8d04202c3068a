"""What this device is called in its network, looked up when somebody asks: networks come and go."""

import ipaddress
import socket
from pathlib import Path

RESOLVER = Path("/etc/resolv.conf")
MOST_BYTES = 64 * 1024


def is_own(name: str, resolver: Path = RESOLVER) -> bool:
    """Tell whether `name` is a name or an address of this device. Asks no name server.

    Args:
        name: In small letters; an IPv6 address may be in brackets.
        resolver: Where the domains of this network are.
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
    """Return what a browser in this network may write for this device, the best first."""
    routes = filter(None, map(_address_towards, ("192.0.2.1", "2001:db8::1")))
    addresses = [f"[{each}]" if ":" in each else each for each in routes]
    return [*addresses, f"{socket.gethostname().partition('.')[0]}.local"]


def search_domains(path: Path) -> set[str]:
    """Return the domains that names in this network are completed with."""
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
    """Tell whether an interface has this address: only then can a socket be bound to it."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004 - IPv4
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True


def _address_towards(peer: str) -> str | None:
    """Return the address by which this device would talk to `peer`; nothing is sent."""
    family = socket.AF_INET6 if ":" in peer else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((peer, 9))
            return str(probe.getsockname()[0])
    except OSError:
        return None
