"""A cable to another network on this machine, that can be pulled, cut and plugged in again.

A veth pair leads into a namespace that routes on to a second one, where the peer lives:
this machine -- gate -- peer. Pulling the cable takes the carrier of our end away; turning the gate's
forwarding off makes a black hole in which every link stays up.
"""

import ctypes
import itertools
import os
import socket
import subprocess
import threading
from pathlib import Path

CLONE_NEWNET = 0x40000000
VETH = ("type", "veth")
OWN_INDEX = 1000
"""The first index of our ends: another than a far end can have in its namespace. Where both have the same,
the kernel takes the link for one without a lower one, and tells of a lost carrier up to a second late
(linkwatch_urgent_event in net/core/link_watch.c)."""

_numbers = itertools.count()


class Wire:
    """One cable.

    Attributes:
        interface: Our end.
        host_address: Our address.
        peer_address: Where the peer is reached.
        peer_network: The network it is in, which we have a route to.
    """

    def __init__(self):
        number = (os.getpid() * 7 + next(_numbers)) % 250  # runs side by side must not meet
        tag = f"{os.getpid() % 100_000}n{number}"
        self.interface = f"vh{tag}"[:15]
        self.gate, self.peer = f"voiced-gate-{tag}", f"voiced-peer-{tag}"
        self.host_address, self.peer_address = f"10.213.{number}.1", f"10.214.{number}.2"
        self._gate_address = f"10.213.{number}.2"
        self._index = str(OWN_INDEX + number)
        self._inner = f"10.214.{number}"
        self.peer_network = f"{self._inner}.0/24"

    def __enter__(self):
        try:
            self._lay()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc_info):
        # With its namespace the other end goes later, and ours with it; its index would be taken till then.
        subprocess.run(["ip", "link", "del", self.interface], capture_output=True, check=False)
        for namespace in (self.gate, self.peer):
            subprocess.run(["ip", "netns", "del", namespace], capture_output=True, check=False)

    def _lay(self):
        for namespace in (self.gate, self.peer):
            ip("netns", "add", namespace)
            ip("-n", namespace, "link", "set", "lo", "up")
        ip(
            "link",
            "add",
            self.interface,
            "index",
            self._index,
            *VETH,
            "peer",
            "out",
            "netns",
            self.gate,
        )
        ip("-n", self.gate, "link", "add", "in", *VETH, "peer", "out", "netns", self.peer)
        ip("addr", "add", f"{self.host_address}/24", "dev", self.interface)
        ip("-n", self.gate, "addr", "add", f"{self._gate_address}/24", "dev", "out")
        ip("-n", self.gate, "addr", "add", f"{self._inner}.1/24", "dev", "in")
        ip("-n", self.peer, "addr", "add", f"{self.peer_address}/24", "dev", "out")
        ip("link", "set", self.interface, "up")
        for namespace, device in ((self.gate, "out"), (self.gate, "in"), (self.peer, "out")):
            ip("-n", namespace, "link", "set", device, "up")
        self.route_to_peer()
        ip("-n", self.peer, "route", "add", "default", "via", f"{self._inner}.1")
        self.black_hole(False)

    def route_to_peer(self):
        """Give this machine its route to the peer; losing the carrier may have cost it."""
        ip("route", "replace", self.peer_network, "via", self._gate_address)

    def carrier(self, up):
        """Plug the far end of the cable in, or pull it."""
        ip("-n", self.gate, "link", "set", "out", "up" if up else "down")

    def black_hole(self, on):
        """Forward nothing any more, silently, or forward again."""
        switch = f"echo {int(not on)} > /proc/sys/net/ipv4/ip_forward"
        ip("netns", "exec", self.gate, "sh", "-c", switch)

    def fail(self, accident):
        """Have an accident: `carrier` or `black_hole`."""
        self.carrier(False) if accident == "carrier" else self.black_hole(True)

    def heal(self, accident):
        """Undo `fail`."""
        self.carrier(True) if accident == "carrier" else self.black_hole(False)

    def listen(self, port=0):
        """Return a listening socket at the peer; it keeps living there."""
        sock = inside(self.peer, lambda: socket.create_server((self.peer_address, port)))
        sock.setblocking(False)
        return sock


def inside(namespace, act):
    """Return what `act` returns in `namespace`, on a thread that goes there and ends there."""
    outcome = []

    def go():
        with Path("/run/netns", namespace).open("rb") as there:
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.setns(there.fileno(), CLONE_NEWNET):
                outcome.append(OSError(ctypes.get_errno(), "setns"))
                return
        try:
            outcome.append(act())
        except OSError as error:
            outcome.append(error)

    thread = threading.Thread(target=go)
    thread.start()
    thread.join()
    if isinstance(outcome[0], OSError):
        raise outcome[0]
    return outcome[0]


def ip(*arguments):
    """Run the `ip` program."""
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)
