"""The endpoint of a URL, and checks that nothing secret is sent in clear."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from voiced.errors import LinkRejected
from voiced.lib.net_address import is_loopback

_DEFAULT_PORTS = {"ws": 80, "wss": 443, "http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The public part of a URL: no path, no query, no user, no password."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def is_secure(self) -> bool:
        """Whether TLS protects what is sent."""
        return self.scheme in {"wss", "https"}

    @property
    def is_loopback(self) -> bool:
        """Whether it is on this machine."""
        return is_loopback(self.host)


def endpoint_of(url: str, *, in_clear: bool = False) -> Endpoint:
    """Return the endpoint of `url`.

    Args:
        url: An address.
        in_clear: Whether a connection without TLS is allowed.

    Raises:
        LinkRejected: If `url` is not usable, or would send a key or speech over the network in clear.
    """
    endpoint = _parse(url)
    if endpoint is None:
        raise LinkRejected(
            "the agent's address is not a usable URL", "it must look like wss://host/path"
        )
    if not (in_clear or endpoint.is_secure or endpoint.is_loopback):
        raise LinkRejected(
            f"{endpoint.scheme}://{endpoint.host} would send the key and your voice in clear",
            f"use {endpoint.scheme}s://",
        )
    return endpoint


def check_headers(headers: Mapping[str, str]) -> None:
    """Refuse header values that HTTP cannot carry.

    Raises:
        LinkRejected: If a value contains a line break or another unprintable character.
    """
    for name, value in headers.items():
        if not value.isprintable():
            raise LinkRejected(
                f"the {name} header contains characters that cannot be sent",
                "it must be one line of text",
            )


def _parse(url: str) -> Endpoint | None:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode()
        endpoint = Endpoint(parts.scheme, host, parts.port or _DEFAULT_PORTS[parts.scheme])
    except (ValueError, KeyError):
        return None
    whole = host and not parts.fragment and (parts.username is None) == (parts.password is None)
    return endpoint if whole else None
