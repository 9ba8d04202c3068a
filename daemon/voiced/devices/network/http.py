"""The few HTTPS calls that a dial plan needs or settings from afar, by `aiohttp`.

The library costs 15 MB and 0.15 s of CPU here: it is imported by the first call, so a device that
makes none does not pay.
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
"""Of the time for a call, so that dead name servers are named as the reason when it runs out."""

MAX_BODY_BYTES = 64 * 1024

RECEIVE_BYTES = 8 * 1024
"""What the kernel keeps for us, and so the most that is read without a break: asyncio would take 256 KiB,
14,000 answers that each say `100 Continue`."""


_IMPROPER = (
    ("got more than", "a line of its answer is too long"),
    ("too many headers", "its answer has too many headers"),
    ("content-length", "the Content-Length of its answer is not a length"),
    ("transfer-encoding", "the Transfer-Encoding of its answer is malformed"),
    ("chunk", "its answer is not in proper chunks"),
    ("header", "a header of its answer is malformed"),
)
"""By a part of the first line of what `aiohttp` says of an answer: what is wrong with it."""


class AnswerTooLongError(LinkError):
    """The answer is longer than we take."""


class AiohttpCaller:
    """Makes each call on a session of its own; implements `HttpCaller`.

    Args:
        options: How the network is reached.
        resolver: Looks up names.
        timeout_s: For one call.
        max_bytes: The longest answer.
        in_clear: Whether it may go over the network without TLS.
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
        # On a small board this takes seconds, in which sound must go on.
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
            what = _improper(error.message)
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
            socket_factory=_narrow_socket,
        )
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


def _narrow_socket(address: "aiohttp.AddrInfoType") -> socket.socket:
    """Return a socket that takes little at a time."""
    family, kind, protocol, _, _ = address
    narrow = socket.socket(family, kind, protocol)
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
    return narrow


def _improper(message: str) -> str:
    """Return what is wrong with an answer, without a word of it, by what `aiohttp` says; or nothing."""
    said = message.partition("\n")[0].lower()
    return next((f": {what}" for part, what in _IMPROPER if part in said), "")


def _name_service(resolver: Resolver, timeout_s: float) -> "aiohttp.abc.AbstractResolver":
    """Return `resolver` in the shape `aiohttp` wants."""
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
