"""Choose the proxy for an endpoint: one rule for agents, settings servers, brokers, MCP servers and tools."""

import ipaddress
import re
import urllib.request
from urllib.parse import urlsplit

from voiced.devices.network.endpoint import Endpoint
from voiced.errors import LinkRejected
from voiced.lib.net_address import Address, canonical

SOCKS = ("socks4", "socks4a", "socks5", "socks5h")
_SCHEMES = {"http", "https", *SOCKS}

_VARIABLES = {"http": ("http", "all"), "https": ("https", "wss", "socks", "all")}
"""By the endpoint's scheme: the variables (without `_proxy`) to use, the first that is set."""

_TUNNELLED = ("wss", "socks", "https", "all")
"""The same for every other scheme, which a proxy must tunnel."""

_LOCAL_IPV4 = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16")  # RFC 1918, 3927
_LOCAL_IPV6 = ("fc00::/7", "fe80::/10")  # RFC 4193, 4291
_LOCAL_NETWORKS = tuple(map(ipaddress.ip_network, (*_LOCAL_IPV4, *_LOCAL_IPV6)))
_LOCAL_SUFFIXES = (".local", ".localhost")
"""Suffixes of names that only this network knows (RFC 6762, RFC 6761)."""

_UNQUALIFIED = "<local>"
"""Windows' word in a list of exceptions for every name without a dot."""


def choose_proxy(setting: str, endpoint: Endpoint) -> str | None:
    """Return the URL of the proxy to use, or None to connect directly.

    Args:
        setting: `auto` for the environment's (`https_proxy`, `all_proxy`, ...), `none`, or a URL.
        endpoint: Where to go. This machine, local networks and what `no_proxy` names are reached directly.

    Raises:
        LinkRejected: If what is configured is not a proxy.
    """
    if setting == "none" or endpoint.is_loopback or is_in_house(endpoint.host):
        return None
    environment = urllib.request.getproxies()
    if is_excepted(endpoint, environment.get("no", "")):
        return None
    proxy = _from_environment(environment, endpoint) if setting == "auto" else setting
    if proxy is not None:
        proxy_endpoint(proxy)
    return proxy


def is_in_house(host: str) -> bool:
    """Tell whether a host is on a local network, which a proxy outside could not reach."""
    address = _address(host)
    if address is None:
        return host.lower().rstrip(".").endswith(_LOCAL_SUFFIXES)
    return any(address in network for network in _LOCAL_NETWORKS)


def is_excepted(endpoint: Endpoint, exceptions: str) -> bool:
    """Tell whether a list of exceptions, such as `no_proxy`, names an endpoint.

    Args:
        endpoint: Where to go.
        exceptions: Names (with their subdomains), addresses, networks (`10.0.0.0/8`), `*` and `<local>`, each
            with an optional port; separated by commas or blanks.
    """
    host, address = endpoint.host.lower().rstrip("."), _address(endpoint.host)
    for exception in filter(None, re.split(r"[\s,;|]+", exceptions.lower())):
        name, port = _split_port(exception)
        if port is not None and port != endpoint.port:
            continue
        if name == "*":
            return True
        if name == _UNQUALIFIED and address is None and "." not in host:
            return True
        if address is not None and _holds(name, address):
            return True
        name = name.removeprefix("*").strip(".")
        if address is None and name and (host == name or host.endswith(f".{name}")):
            return True
    return False


def proxy_endpoint(proxy: str) -> Endpoint:
    """Return the endpoint of the proxy itself.

    Raises:
        LinkRejected: If `proxy` is not the URL of a proxy.
    """
    try:
        parts = urlsplit(proxy)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        usable = parts.scheme in _SCHEMES and (parts.username is None) == (parts.password is None)
        host = parts.hostname
    except ValueError:
        usable, host, port = False, None, 0
    if not usable or not host:
        raise LinkRejected(
            "the configured proxy is not usable", "it must look like http://user:password@host:port"
        )
    return Endpoint(urlsplit(proxy).scheme, host, port)


def at_address(proxy: str, address: str) -> str:
    """Return `proxy` with its host name replaced by `address`."""
    parts = urlsplit(proxy)
    user, separator, _ = parts.netloc.rpartition("@")
    host = f"[{address}]" if ":" in address else address
    return f"{parts.scheme}://{user}{separator}{host}:{proxy_endpoint(proxy).port}"


def _from_environment(proxies: dict[str, str], endpoint: Endpoint) -> str | None:
    """Return the proxy in the environment, chosen as `websockets` does, or None."""
    for variable in _VARIABLES.get(endpoint.scheme, _TUNNELLED):
        if proxy := proxies.get(variable):
            proxy = proxy if "://" in proxy else f"http://{proxy}"
            return proxy.replace("http://", "socks5h://", 1) if variable == "socks" else proxy
    return None


def _address(host: str) -> Address | None:
    try:
        return canonical(host.strip("[]"))
    except ValueError:
        return None


def _split_port(exception: str) -> tuple[str, int | None]:
    """Split an exception into name, address or network, and its port."""
    found = re.fullmatch(r"(\[[^]]*\]|[^:]*):(\d{1,5})", exception)
    return (exception, None) if found is None else (found[1], int(found[2]))


def _holds(name: str, address: Address) -> bool:
    """Tell whether an exception, an address or a network, contains `address`."""
    try:
        return address in ipaddress.ip_network(name.strip("[]"), strict=False)
    except ValueError:
        return False
