"""HTTPS calls for dial plans and settings servers, with `aiohttp`.

The library costs 15 MB and 0.15 s of CPU time, so the first call imports it.
"""

import asyncio
import socket
from importlib import import_module
from typing import TYPE_CHECKING

from voiced.agents.codec import HttpAnswer, HttpCall
from voiced.devices.network.diagnosis import explain_network, explain_proxy_status, no_answer
from voiced.devices.network.endpoint import Endpoint, check_headers, endpoint_of
from voiced.devices.network.link import LinkOptions
from voiced.devices.network.proxy import choose_proxy
from voiced.devices.network.resolver import Resolver
from voiced.devices.network.tls import tls_context
from voiced.errors import LinkError, LinkRejected

if TYPE_CHECKING:
    import aiohttp

LOOKUP_SHARE = 0.8
"""The lookup's share of a call's time limit, so that a timeout names dead name servers as the cause."""

MAX_BODY_BYTES = 64 * 1024

RECEIVE_BYTES = 8 * 1024
"""The kernel's receive buffer, and so the most that is parsed in one go. asyncio reads 256 KiB at a time: enough for
14,000 answers of `100 Continue` that would block the loop."""

_HTTP_FAULTS = (
    ("got more than", "a line of its answer is too long"),
    ("too many headers", "its answer has too many headers"),
    ("content-length", "the Content-Length of its answer is not a length"),
    ("transfer-encoding", "the Transfer-Encoding of its answer is malformed"),
    ("chunk", "its answer is not in proper chunks"),
    ("header", "a header of its answer is malformed"),
)
"""By a part of the first line of aiohttp's message: what is wrong with the answer."""


class AnswerTooLongError(LinkError):
    """The answer is longer than allowed."""


class AiohttpCaller:
    """Makes each call in its own session; implements `HttpCaller`.

    Args:
        options: How the network is reached.
        resolver: Looks up names.
        timeout_s: Time limit of one call.
        max_bytes: The longest answer.
        in_clear: Whether a connection without TLS is allowed.
    """

    def __init__(
        self,
        options: LinkOptions,
        resolver: Resolver | None = None,
        *,
        timeout_s: float = 10,
        max_bytes: int = MAX_BODY_BYTES,
        in_clear: bool = False,
    ) -> None:
        self._in_clear = in_clear
        self._options = options
        self._resolver = resolver or Resolver()
        self._timeout_s = timeout_s
        self._max_bytes = max_bytes

    async def __call__(self, call: HttpCall) -> HttpAnswer:
        # On a thread: on a small board the import takes seconds, and sound must go on.
        aiohttp = await asyncio.to_thread(import_module, "aiohttp")
        endpoint = endpoint_of(call.url, in_clear=self._in_clear)
        check_headers(call.headers)
        proxy = choose_proxy(self._options.proxy, endpoint)
        if proxy is not None and proxy.startswith("socks"):
            raise LinkRejected(
                "HTTPS calls cannot use a SOCKS proxy",
                "name an http:// proxy in HTTPS_PROXY, or use auth: bearer if it is for tokens",
            )
        try:
            async with asyncio.timeout(self._timeout_s), self._session(endpoint) as session:
                return await _exchange(session, call, proxy, self._max_bytes)
        except TimeoutError:
            raise no_answer(str(endpoint), self._timeout_s) from None
        except aiohttp.ClientHttpProxyError as error:
            offers = error.headers.getall("Proxy-Authenticate", ()) if error.headers else ()
            raise explain_proxy_status(error.status, offers) from None
        except aiohttp.ClientProxyConnectionError as error:
            raise explain_network(error.os_error, "the proxy") from None
        except aiohttp.ServerDisconnectedError:
            raise explain_network(EOFError(), str(endpoint)) from None
        except (aiohttp.ClientConnectionError, OSError) as error:
            origin = error.__cause__ if isinstance(error.__cause__, OSError) else error
            raise explain_network(origin, str(endpoint)) from None
        except aiohttp.ClientPayloadError:
            raise LinkError(f"{endpoint} cut its answer off") from None
        except aiohttp.ClientResponseError as error:
            what = _http_fault(error.message)
            raise LinkError(f"{endpoint} does not speak proper HTTP{what}") from None
        except (aiohttp.ClientError, ValueError):
            raise LinkError(f"{endpoint} does not speak proper HTTP") from None

    def _session(self, endpoint: Endpoint) -> "aiohttp.ClientSession":
        import aiohttp

        connector = aiohttp.TCPConnector(
            resolver=_name_service(self._resolver, self._timeout_s * LOOKUP_SHARE),
            use_dns_cache=False,
            ssl=tls_context(self._options.ca_file) if endpoint.is_secure else True,
            force_close=True,
            socket_factory=_small_buffer_socket,
        )
        # No decompression: a short answer could expand to gigabytes.
        return aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
        )


async def _exchange(
    session: "aiohttp.ClientSession", call: HttpCall, proxy: str | None, max_bytes: int
) -> HttpAnswer:
    headers = {"Accept-Encoding": "identity", **call.headers}
    async with session.request(
        call.method,
        call.url,
        headers=headers,
        data=call.body or None,
        allow_redirects=False,
        proxy=proxy,
    ) as response:
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > max_bytes:
                raise AnswerTooLongError(f"the answer is longer than {max_bytes} bytes")
        found = {name.lower(): value for name, value in response.headers.items()}
        return HttpAnswer(response.status, bytes(body), found)


def _small_buffer_socket(address: "aiohttp.AddrInfoType") -> socket.socket:
    """Return a socket with a small receive buffer."""
    family, kind, protocol, _, _ = address
    narrow = socket.socket(family, kind, protocol)
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
    return narrow


def _http_fault(message: str) -> str:
    """Return what is wrong with an answer, without quoting it; empty if unknown."""
    said = message.partition("\n")[0].lower()
    return next((f": {what}" for part, what in _HTTP_FAULTS if part in said), "")


def _name_service(resolver: Resolver, timeout_s: float) -> "aiohttp.abc.AbstractResolver":
    """Return `resolver` as a resolver for `aiohttp`."""
    from aiohttp.abc import AbstractResolver, ResolveResult

    class NameService(AbstractResolver):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
        ) -> list[ResolveResult]:
            return [
                ResolveResult(
                    hostname=host,
                    host=address[0],
                    port=port,
                    family=found,
                    proto=proto,
                    flags=socket.AI_NUMERICHOST,
                )
                for found, _, proto, _, address in await resolver.lookup(
                    Endpoint("https", host, port), timeout_s
                )
                if family in {socket.AF_UNSPEC, found}
            ]

        async def close(self) -> None:
            """Nothing to release."""

    return NameService()
