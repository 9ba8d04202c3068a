"""One clear sentence for each way a connection can fail.

Exception texts of the libraries may contain URLs, headers and proxy passwords: they are never passed on, and the
errors made here must be raised `from None`.
"""

import errno
import os
import ssl
from collections.abc import Iterable
from datetime import UTC, date, datetime
from http import HTTPStatus

from websockets import exceptions as ws

from voiced import RELEASED
from voiced.errors import AgentBusy, LinkError, LinkRejected, Unreached

_NO_ROUTE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL}
_CUT = {errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED}
_CERTIFICATE_PROBLEMS = {  # X509_V_ERR_* of OpenSSL's x509_vfy.h
    9: "is not valid yet; is this device's clock right?",
    10: "has expired, or this device's clock is wrong",
    18: "is not signed by a known authority; if a proxy inspects TLS, configure its CA file",
    19: "is not signed by a known authority; if a proxy inspects TLS, configure its CA file",
    20: "is not signed by a known authority; if a proxy inspects TLS, configure its CA file",
    21: "is not signed by a known authority; if a proxy inspects TLS, configure its CA file",
    62: "belongs to another host name; does this network have a login page?",
    64: "belongs to another address; does this network have a login page?",
}
_TIME_PROBLEMS = {9, 10}
_FOREIGN_SCHEMES = {
    "ntlm": "NTLM",
    "negotiate": "Kerberos (Negotiate)",
    "kerberos": "Kerberos",
    "digest": "Digest",
}
"""Authentication schemes of proxies that none of our libraries supports."""
_NO_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"}


def no_answer(peer: str, timeout_s: float) -> LinkError:
    """Return the error for a connection that hangs."""
    return LinkError(
        f"{peer} did not answer within {timeout_s:g} s; does a firewall block this port?"
    )


def explain_network(error: Exception, peer: str, today: date | None = None) -> LinkError:
    """Return the error for what TCP or TLS raised while talking to `peer`; `today` defaults to the clock's date."""
    if isinstance(error, ssl.SSLError):
        return _explain_tls(error, peer, today or datetime.now(UTC).date())
    code = error.errno if isinstance(error, OSError) else None
    if code == errno.ECONNREFUSED:
        return Unreached(f"{peer} refused the connection; nothing listens there")
    if code in _NO_ROUTE:
        return Unreached(f"there is no route to {peer}; is the network up?")
    if code in _CUT or isinstance(error, ConnectionError | EOFError):
        return LinkError(f"{peer} cut the connection before it was set up")
    if code is None:  # several addresses, and each failed differently
        return Unreached(f"{peer} cannot be reached at any of its addresses; is the network up?")
    return LinkError(f"{peer} cannot be reached: {os.strerror(code)}")


def _explain_tls(error: ssl.SSLError, peer: str, today: date) -> LinkError:
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _TIME_PROBLEMS and today < date.fromisoformat(RELEASED):
            return LinkError(
                f"this device's clock says {today}, which is before this version of voiced was "
                "made; waiting for the right time"
            )
        problem = _CERTIFICATE_PROBLEMS.get(
            error.verify_code, f"cannot be trusted: {error.verify_message}"
        )
        return LinkError(f"the certificate of {peer} {problem}")
    if error.reason in _NO_TLS:
        return LinkError(f"{peer} answers without TLS; does this network have a login page?")
    return LinkError(
        f"{peer} does not speak proper TLS ({error.reason or 'it closed the connection'})"
    )


def explain_upgrade(error: Exception, peer: str) -> LinkError:
    """Return the error for what `websockets` raised while opening a link to `peer`."""
    match error:
        case ws.InvalidProxyStatus():
            offers = error.response.headers.get_all("Proxy-Authenticate")
            return explain_proxy_status(error.response.status_code, offers)
        case ws.ProxyError():
            return LinkError("the proxy did not let the connection through")
        case ImportError():
            return LinkRejected("a SOCKS proxy needs python-socks", "install voiced[socks]")
        case ws.InvalidStatus():
            return _explain_status(error.response.status_code, peer)
        case ws.InvalidMessage() if isinstance(error.__cause__, EOFError):
            return LinkError(f"{peer} cut the connection before it was set up")
        case ws.InvalidHandshake():
            return LinkError(f"{peer} is not a WebSocket server; check the agent's address")
        case _:
            return explain_network(error, peer)


def explain_proxy_status(status: int, offers: Iterable[str] = ()) -> LinkError:
    """Return the error for a proxy that answered CONNECT with an HTTP status; `offers` are its `Proxy-Authenticate`."""
    if status != HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        return LinkError(f"the proxy did not let the connection through (HTTP {status})")
    schemes = {
        each.strip().partition(" ")[0].lower() for offer in offers for each in offer.split(",")
    }
    foreign = [name for scheme, name in _FOREIGN_SCHEMES.items() if scheme in schemes]
    if foreign and "basic" not in schemes:
        return LinkRejected(
            f"the proxy wants {' or '.join(foreign)} (HTTP 407), which this device does not speak",
            "ask its administrator to let this device through, or use a relay such as cntlm as the proxy",
        )
    return LinkRejected(
        "the proxy wants a user name and password (HTTP 407)", "put them into the proxy's URL"
    )


def _explain_status(status: int, peer: str) -> LinkError:
    match status:
        case 401 | 403:
            return LinkRejected(f"{peer} refused the key (HTTP {status})", "check the agent's key")
        case 404:
            return LinkError(f"{peer} has no agent at this path (HTTP 404); check its address")
        case 429 | 503:
            return AgentBusy(f"{peer} is too busy now (HTTP {status})")
        case 300 | 301 | 302 | 303 | 307 | 308 | 511:
            return LinkError(
                f"{peer} sends us elsewhere (HTTP {status}); does this network have a login page?"
            )
        case 200:
            return LinkError(
                f"{peer} answered with a web page; does this network have a login page, "
                "or is the agent's address wrong?"
            )
        case _:
            return LinkError(f"{peer} refused the connection (HTTP {status})")
