"""Watch the route to the agent: the kernel reports every change at once."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from voiced.core.events import NetworkBack
from voiced.devices.network import netlink
from voiced.devices.network.netlink import Address, Interface, Refusal, Route, RouteFlag
from voiced.lib.net_address import canonical
from voiced.ports import Emit

log = logging.getLogger(__name__)

PATIENCE_S = 0.2
"""The kernel answers at once; this limit only protects the loop."""

CALM_S = 0.2
"""A connection that comes up makes several events (link, addresses, routes): report it once."""

DATAGRAM_BYTES = 64 * 1024

OnDead = Callable[[str], None]


class LinkWatch:
    """Follows the kernel's events on links, addresses and routes; implements `WakeSource`."""

    def __init__(self) -> None:
        self._guarded: dict[object, tuple[str, str, OnDead]] = {}
        self._carrying: dict[int, bool] = {}

    async def watch(self, emit: Emit) -> None:
        loop = asyncio.get_running_loop()
        try:
            news = _open(netlink.GROUPS)
        except OSError as error:
            log.info("cannot watch the network interfaces (%s): going on without", error.strerror)
            await asyncio.Event().wait()
            return
        something = asyncio.Event()
        with news:
            self._carrying = {it.index: it.carries for it in _interfaces()}
            news.setblocking(False)  # noqa: FBT003 - its own signature
            loop.add_reader(news, something.set)
            try:
                while True:
                    await something.wait()
                    something.clear()
                    better = self._read_events(news)
                    self._check_links()
                    if better:
                        emit(NetworkBack())
                        await asyncio.sleep(CALM_S)
            finally:
                loop.remove_reader(news)

    @staticmethod
    def why_unreachable(address: str) -> str | None:
        """Return why nothing can be sent to a numeric `address` now, or None if it can.

        Asking first keeps the kernel from a neighbour lookup on a dead cable, which would keep failing for
        seconds after the cable is back.
        """
        return _why_dead(None, str(canonical(address)))

    @contextmanager
    def guard(self, sock: socket.socket, on_dead: OnDead) -> Iterator[None]:
        """Call `on_dead` with the reason, once, on the loop's thread, when the route to the peer of `sock` is gone."""
        key = object()
        with contextlib.suppress(OSError):  # a closed socket reports itself
            local, peer = canonical(sock.getsockname()[0]), canonical(sock.getpeername()[0])
            if not peer.is_loopback:
                self._guarded[key] = str(local), str(peer), on_dead
        try:
            yield
        finally:
            self._guarded.pop(key, None)

    def _read_events(self, news: socket.socket) -> bool:
        """Read all pending events; return whether a connection came up."""
        better = False
        while True:
            try:
                datagram = news.recv(DATAGRAM_BYTES)
            except BlockingIOError:
                return better
            except OSError:  # ENOBUFS: events were lost, so assume the best
                better = True
                continue
            for fact in netlink.facts(datagram):
                better |= self._is_better(fact)

    def _is_better(self, fact: netlink.Fact) -> bool:
        match fact:
            case Interface():
                before = self._carrying.get(fact.index, False)
                self._carrying[fact.index] = fact.carries
                return fact.carries and not before and not fact.is_loopback
            case Route():
                return fact.is_there and fact.is_default
            case Address():
                return fact.is_there
            case Refusal():
                return False

    def _check_links(self) -> None:
        for key, (local, peer, on_dead) in list(self._guarded.items()):
            if (reason := _why_dead(local, peer)) is not None:
                self._guarded.pop(key, None)
                on_dead(f"this device lost its network connection ({reason})")


def _why_dead(local: str | None, peer: str) -> str | None:
    """Return why nothing sent from `local`, or any address, can reach `peer`; None if it can."""
    try:
        route = next(iter(_ask(netlink.ask_for_route(peer, local))), None)
        if isinstance(route, Refusal):
            return f"there is no route to {peer}"
        if not isinstance(route, Route):
            return None
        interface = next(iter(_ask(netlink.ask_for_interface(route.interface))), None)
    except OSError:
        return None
    if not isinstance(interface, Interface):
        return "its interface is gone"
    if not interface.carries or route.flags & (RouteFlag.DEAD | RouteFlag.LINK_DOWN):
        return f"{interface.name} has no carrier"
    return None


def _interfaces() -> list[Interface]:
    try:
        with _open() as kernel:
            kernel.send(netlink.ask_for_interfaces())
            found: list[netlink.Fact] = []
            while not any(isinstance(fact, Refusal) for fact in found):
                found += netlink.facts(kernel.recv(DATAGRAM_BYTES))
            return [fact for fact in found if isinstance(fact, Interface)]
    except OSError:
        return []


def _ask(request: bytes) -> list[netlink.Fact]:
    with _open() as kernel:
        kernel.send(request)
        return [*netlink.facts(kernel.recv(DATAGRAM_BYTES))]


def _open(groups: int = 0) -> socket.socket:
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    try:
        sock.settimeout(PATIENCE_S)
        sock.bind((0, groups))
    except OSError:
        sock.close()
        raise
    return sock
