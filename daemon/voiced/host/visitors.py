"""Which requests to a web page are honest: whom they name, whence they come, and what they show. Pure."""

import hmac
import ipaddress
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

COOKIE = "voiced"
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-cache",
}
"""What every answer tells a browser not to do."""


@dataclass(frozen=True, slots=True)
class Doorman:
    """Judges requests.

    Attributes:
        port: Where the page is.
        names: What the device is called in this network, and its addresses.
        token: What a visitor from elsewhere must show; None if only this device is let in.
    """

    port: int
    names: Collection[str] = ()
    token: str | None = None

    def knows_host(self, host: str | None) -> bool:
        """Tell whether a request names us, and not a stranger's name that leads here."""
        if host is None:
            return False
        name, port = _split(host)
        return port in (None, self.port) and name in {*LOOPBACK_NAMES, *map(str.lower, self.names)}

    def knows_origin(self, origin: str | None, host: str | None) -> bool:
        """Tell whether a request comes from our own page, or from none at all."""
        if origin is None:
            return True
        parts = urlsplit(origin)
        return parts.scheme in ("http", "https") and parts.netloc == host

    def lets_in(self, shown: str | None) -> bool:
        """Tell whether a visitor shows what is asked for. Takes as long whatever is wrong."""
        if self.token is None:
            return True
        return hmac.compare_digest((shown or "").encode(), self.token.encode())


def is_loopback(address: str) -> bool:
    """Tell whether something listens, or comes from, on this device alone."""
    try:
        return ipaddress.ip_address(address.strip("[]").partition("%")[0]).is_loopback
    except ValueError:
        return address == "localhost"


def _split(host: str) -> tuple[str, int | None]:
    """Return the name and the port in a Host header; the port 0 is none that can be."""
    parts = urlsplit(f"//{host}")
    try:
        port = parts.port
    except ValueError:
        return "", 0
    name = host.rpartition(":")[0] if port is not None else host
    return name.lower(), port
