"""Who gets as far as the web server: few at a time, and only with a whole request that came in time."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

END_OF_HEAD = b"\r\n\r\n"
REFUSAL = b"HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a stranger may take up.

    Attributes:
        connections: How many at a time.
        per_address: How many of them from one address.
        head_bytes: How long the head of a request may be.
        head_s: How long it may take to come.
    """

    connections: int = 64
    per_address: int = 16
    head_bytes: int = 8 * 1024
    head_s: float = 5.0


class Gate:
    """Makes a protocol for every connection. Call it as a protocol factory.

    Args:
        inside: Makes what serves a connection whose request is whole.
        limits: What a stranger may take up.

    Attributes:
        refused: How many were sent away.
    """

    def __init__(
        self, inside: Callable[[], asyncio.Protocol], limits: Limits | None = None
    ) -> None:
        self.refused = 0
        self.inside = inside
        self.limits = limits or Limits()
        self._here: Counter[str] = Counter()

    def __call__(self) -> asyncio.Protocol:
        return _Visitor(self)

    def admit(self, address: str) -> bool:
        """Count somebody in, if there is room."""
        full = self._here.total() >= self.limits.connections
        if full or self._here[address] >= self.limits.per_address:
            self.refused += 1
            return False
        self._here[address] += 1
        return True

    def leave(self, address: str) -> None:
        """Count somebody out."""
        self._here[address] -= 1
        self._here += Counter()  # without those that are nought


class _Visitor(asyncio.Protocol):
    """One connection: keeps what comes until it is a whole head, then steps aside."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._come = bytearray()
        self._address = ""
        self._is_in = False
        self._inside: asyncio.Protocol | None = None
        self._transport: asyncio.Transport
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a listening socket makes no other
        self._transport = transport
        peer = transport.get_extra_info("peername")
        self._address = str(peer[0]) if peer else ""
        self._is_in = self._gate.admit(self._address)
        if not self._is_in:
            self._refuse(b"503 Service Unavailable")
            return
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._gate.limits.head_s, transport.abort)

    def data_received(self, data: bytes) -> None:
        if self._inside is not None:
            self._inside.data_received(data)
            return
        self._come += data
        n_bytes = self._come.find(END_OF_HEAD)
        if 0 <= n_bytes <= self._gate.limits.head_bytes:
            self._open()
        elif len(self._come) > self._gate.limits.head_bytes:
            self._gate.refused += 1
            self._refuse(b"431 Request Header Fields Too Large")

    def eof_received(self) -> bool | None:
        return self._inside.eof_received() if self._inside is not None else None

    def pause_writing(self) -> None:
        if self._inside is not None:
            self._inside.pause_writing()

    def resume_writing(self) -> None:
        if self._inside is not None:
            self._inside.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._is_in:
            self._gate.leave(self._address)
        if self._inside is not None:
            self._inside.connection_lost(exc)

    def _open(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._inside = self._gate.inside()
        self._inside.connection_made(self._transport)
        self._inside.data_received(bytes(self._come))
        self._come.clear()

    def _refuse(self, reason: bytes) -> None:
        self._transport.write(REFUSAL % reason)
        self._transport.close()
