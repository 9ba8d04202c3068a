"""Ports on loopback where nothing listens."""

import contextlib
import itertools
import random
import socket

# Below those that the kernel gives to whoever asks for any: it would give one of ours away before it is used.
_FIRST, _LAST = 10_000, 30_000
_ports = itertools.cycle(range(_FIRST, _LAST))
for _ in range(random.randrange(_LAST - _FIRST)):
    next(_ports)


def free_port() -> int:
    """Return a port that is free, and not returned again before long."""
    for port in _ports:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError
