"""Name lookups that block nothing else.

`getaddrinfo` blocks for 10 s when the name servers are dead, and cannot be cancelled. So it runs on its own thread,
one lookup at a time; a daemon thread, so that the program can exit meanwhile.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Any

from voiced.devices.network.endpoint import Endpoint
from voiced.errors import LinkError, Unreached

AddressList = list[tuple[Any, ...]]
"""What `socket.getaddrinfo` returns."""

_Key = tuple[str, int]

_NOWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared, never bound


class Resolver:
    """Looks up addresses and remembers the last good ones. Belongs to one event loop.

    Args:
        getaddrinfo: The blocking lookup.
        patience_when_known_s: How long a lookup may take before cached addresses are used instead.
        why_unreachable: Returns why this device has no route to a numeric address, or None.
    """

    def __init__(
        self,
        getaddrinfo: Callable[..., AddressList] = socket.getaddrinfo,
        *,
        patience_when_known_s: float = 1,
        why_unreachable: Callable[[str], str | None] = lambda _: None,
    ) -> None:
        self._why_unreachable = why_unreachable
        self._getaddrinfo = getaddrinfo
        self._patience_when_known_s = patience_when_known_s
        self._known: dict[_Key, AddressList] = {}
        self._running: tuple[_Key, asyncio.Future[AddressList]] | None = None
        self._began_s = 0.0

    async def lookup(self, endpoint: Endpoint, timeout_s: float) -> AddressList:
        """Return the addresses of `endpoint` that this device has a route to.

        They are fresh, or the last known ones if DNS fails.

        Raises:
            LinkError: If there are none in time.
        """
        addresses = await self._addresses(endpoint, timeout_s)
        obstacles = [self._why_unreachable(sockaddr[0]) for *_, sockaddr in addresses]
        if all(obstacles) and {family for family, *_ in addresses} == {socket.AF_INET6}:
            raise Unreached(
                f"{endpoint.host} has only IPv6 addresses, and this network has no IPv6 route "
                f"({obstacles[0]})"
            )
        if all(obstacles):
            raise Unreached(f"this device has no network connection ({obstacles[0]})")
        return [each for each, why in zip(addresses, obstacles, strict=True) if not why]

    async def _addresses(self, endpoint: Endpoint, timeout_s: float) -> AddressList:
        key = endpoint.host, endpoint.port
        if numeric := _numeric(key):
            return numeric
        known = self._known.get(key)
        patience_s = min(timeout_s, self._patience_with(key)) if known else timeout_s
        try:
            async with asyncio.timeout(patience_s):
                found = await self._fresh(key)
            return _unblocked(found, endpoint.host)
        except TimeoutError:
            problem = LinkError(f"no name server answered for {endpoint.host}; is the network up?")
        except OSError as error:
            problem = _explain(error, endpoint.host)
        except UnicodeError:
            problem = LinkError(f"{endpoint.host} is not a possible host name; correct the address")
        if known:
            return _unblocked(known, endpoint.host)
        raise problem

    def _patience_with(self, key: _Key) -> float:
        """Return how long to wait where old addresses are cached: every attempt of an outage would wait anew."""
        if self._running is None or self._running[0] != key:
            return self._patience_when_known_s
        taken_s = asyncio.get_running_loop().time() - self._began_s
        return max(self._patience_when_known_s - taken_s, 0.0)

    async def _fresh(self, key: _Key) -> AddressList:
        while self._running is not None and self._running[0] != key:
            await asyncio.wait([self._running[1]])
        if self._running is None:
            loop = asyncio.get_running_loop()
            self._running, self._began_s = (key, loop.create_future()), loop.time()
            threading.Thread(
                target=self._look_up, args=(*self._running,), name="resolver", daemon=True
            ).start()
        return await asyncio.shield(self._running[1])  # others may wait for the same lookup

    def _look_up(self, key: _Key, answer: asyncio.Future[AddressList]) -> None:
        """Do the blocking part.

        Thread: the resolver thread.
        """
        outcome: AddressList | Exception
        try:
            outcome = self._getaddrinfo(*key, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            outcome = error
        with contextlib.suppress(RuntimeError):  # the loop is closed
            answer.get_loop().call_soon_threadsafe(self._finish, key, answer, outcome)

    def _finish(
        self, key: _Key, answer: asyncio.Future[AddressList], outcome: AddressList | Exception
    ) -> None:
        self._running = None
        if isinstance(outcome, Exception):
            answer.set_exception(outcome)
            answer.exception()  # mark it as retrieved: the caller may be gone
        else:
            self._known[key] = outcome
            answer.set_result(outcome)


def _numeric(key: _Key) -> AddressList:
    try:
        return socket.getaddrinfo(*key, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return []


def _unblocked(found: AddressList, host: str) -> AddressList:
    """Return the addresses without 0.0.0.0 and ::, with which filtering name servers block a name.

    A connection to one of them would reach this device itself.

    Raises:
        LinkError: If there are no others.
    """
    left = [each for each in found if each[4][0] not in _NOWHERE]
    if found and not left:
        raise LinkError(
            f"the name {host} is blocked here: the name server answers {found[0][4][0]}; "
            "allow it in the filter of this network (Pi-hole, AdGuard, router)"
        )
    return left


def _explain(error: OSError, host: str) -> LinkError:
    match error.errno:
        case socket.EAI_NONAME | socket.EAI_NODATA:
            return LinkError(
                f"the name {host} does not exist; is it spelt right, and known in this network?"
            )
        case socket.EAI_AGAIN:
            return Unreached(f"no name server can be reached for {host}; is the network up?")
        case _:
            return LinkError(f"the name {host} cannot be looked up: {error.strerror}")
