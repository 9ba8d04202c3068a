"""Which proxy leads to an endpoint."""

import urllib.request
from urllib.parse import urlsplit

from voiced.devices.endpoint import Endpoint
from voiced.errors import LinkRejected

_SCHEMES = {"http", "https", "socks4", "socks4a", "socks5", "socks5h"}


def choose_proxy(setting: str, endpoint: Endpoint) -> str | None:
    """Return the URL of the proxy to use, or None to connect directly.

    Args:
        setting: `auto` to do as the environment says (`https_proxy`, `no_proxy`, ...), `none`, or a URL.
        endpoint: Where to go. This machine itself is never reached through a proxy.

    Raises:
        LinkRejected: If what is configured is not a proxy.
    """
    if setting == "none" or endpoint.is_loopback:
        return None
    proxy = _from_environment(endpoint) if setting == "auto" else setting
    if proxy is not None:
        proxy_endpoint(proxy)
    return proxy


def proxy_endpoint(proxy: str) -> Endpoint:
    """Return where the proxy itself listens.

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


def _from_environment(endpoint: Endpoint) -> str | None:
    """Choose as `websockets` does; the proxy for a link also serves calls without one of their own."""
    if urllib.request.proxy_bypass(str(endpoint)):
        return None
    proxies = urllib.request.getproxies()
    for scheme in (endpoint.scheme, "wss", "socks", "https"):
        if proxy := proxies.get(scheme):
            return proxy.replace("http://", "socks5h://", 1) if scheme == "socks" else proxy
    return None
