"""Limits on the connections to a web server: how many, how large, how slow.

A connection passes through phases, each with a deadline: the TLS handshake, the head of the request,
its body, the answer. One that stays longer, like a WebSocket, must settle first.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field

from voiced.api.admission import Places, Rank, Room
from voiced.api.refusals import CROWDED, LATE, TLS, UNMASKED
from voiced.api.websocket_frames import Masks

END_OF_HEAD = b"\r\n\r\n"
REFUSAL = b"HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
PROTOCOL_ERROR = b"\x88\x02\x03\xea"  # a WebSocket's close frame with the code 1002
CLIENT_HELLO = b"\x16"  # the first byte of TLS, and of no HTTP request
SHUTDOWN_S = 1.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What visitors may use. Times are the longest of each phase.

    Attributes:
        rooms: How many visitors there may be at a time, by rank.
        head_bytes: The longest head of a request.
        handshake_s: The TLS handshake.
        head_s: Receiving the head.
        body_s: Receiving the body.
        answer_s: Making the answer and sending it.
        stalled_s: A visitor reading nothing of what waits for it.
    """

    rooms: Mapping[Rank, Room] = field(
        default_factory=lambda: {
            Rank.STRANGER: Room(64, 32),
            Rank.OWN: Room(32, 32),
            Rank.MEMBER: Room(32, 16),
        }
    )
    head_bytes: int = 8 * 1024
    handshake_s: float = 5.0
    head_s: float = 5.0
    body_s: float = 5.0
    answer_s: float = 10.0
    stalled_s: float = 10.0


Arrival = Callable[[str], tuple[Rank, str]]  # from the address of a newcomer: rank and group


@dataclass
class ConnectionLimiter:
    """Makes a protocol for every connection. Call it as a protocol factory.

    Attributes:
        inside: Makes the server's protocol, once the head of a request is complete.
        refused: Called with the reason of every refusal.
        arrival: Returns rank and group of a newcomer.
        tls: Returns the TLS context, if visitors must use TLS. Those from this device need not:
            their data crosses no network.
        limits: What visitors may use.
        spawn: Starts a handshake as a task; set before the first connection, if there is TLS.
        places: The connections there are.
        is_closed: No more connections are accepted.
    """

    inside: Callable[["Connection"], asyncio.Protocol]
    refused: Callable[[str], None]
    arrival: Arrival
    tls: Callable[[], ssl.SSLContext | None] | None = None
    limits: Limits = field(default_factory=Limits)
    spawn: Callable[[Coroutine[None, None, None]], object] = field(init=False)
    places: Places = field(init=False)
    is_closed: bool = field(init=False)

    def __post_init__(self) -> None:
        self.places = Places(self.limits.rooms)
        self.is_closed = False

    def __call__(self) -> asyncio.Protocol:
        return Connection(self)

    def clear(self) -> None:
        """Abort every connection, and those accepted but not made yet."""
        self.is_closed = True
        for guest in self.places.guests:
            if isinstance(guest, Connection):
                guest.abort()


class Connection(asyncio.Protocol):
    """One connection: buffers until the head is complete, then passes all on to the server.

    Attributes:
        peer: The address it came from.
        is_encrypted: It uses TLS that ends here, not at a proxy.
    """

    def __init__(self, limiter: ConnectionLimiter) -> None:
        self.peer = ""
        self.is_encrypted = False
        self.when_lost: Callable[[], object] | None = None
        self._limiter = limiter
        self._received = bytearray()
        self._n_after_head = 0
        self._masks: Masks | None = None
        self._ready = False
        self._over = False
        self._inside: asyncio.Protocol | None = None
        self._transport: asyncio.Transport
        self._timer: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a listening socket makes no other
        self._transport = transport
        if self._limiter.is_closed:  # accepted by the listening socket just before it closed
            self.abort()
            return
        peer = transport.get_extra_info("peername")
        self.peer = str(peer[0]) if isinstance(peer, tuple) else ""
        # A guess by address alone; `take_place` corrects it once the request is known.
        rank, group = self._limiter.arrival(self.peer)
        self._set_deadline(self._limiter.limits.head_s)
        if not self._limiter.places.admit(self, rank, group):
            self.make_way()
        elif self._limiter.tls is None:
            self._ready = True
        else:
            self._set_deadline(self._limiter.limits.handshake_s)
            transport.pause_reading()  # the first byte must stay in the socket for `_begins_tls`
            encrypting = self._encrypt(transport, self._limiter.tls, may_be_plain=rank is Rank.OWN)
            self._limiter.spawn(encrypting)

    def data_received(self, data: bytes) -> None:
        if self._inside is not None:
            self._pass_on(data)
        elif not self._over:
            self._received += data
            self._check_head()

    def eof_received(self) -> bool | None:
        return self._inside.eof_received() if self._inside is not None else None

    def pause_writing(self) -> None:
        loop, limits = asyncio.get_running_loop(), self._limiter.limits
        if self._stalled is None:
            self._stalled = loop.call_later(limits.stalled_s, self._timed_out)
        if self._inside is not None:
            self._inside.pause_writing()

    def resume_writing(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
        if self._inside is not None:
            self._inside.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._over = True
        for timer in (self._timer, self._stalled):
            if timer is not None:
                timer.cancel()
        self._limiter.places.leave(self)
        if self._inside is not None:
            self._inside.connection_lost(exc)
        if self.when_lost is not None:
            self.when_lost()

    def take_place(self, rank: Rank, group: str) -> bool:
        """Move to a place of this rank and group; return whether there is one.

        Raises:
            ConnectionAbortedError: If it had to make way meanwhile.
        """
        if self._over:
            raise ConnectionAbortedError
        return self._limiter.places.admit(self, rank, group)

    def answer_within(self, seconds: float) -> None:
        """Set the deadline of the connection."""
        if not self._over:
            self._set_deadline(seconds)

    def settle(self) -> bool:
        """Stay as long as both sides like; return whether it may."""
        if self._over or not self._limiter.places.settle(self):
            return False
        if self._timer is not None:
            self._timer.cancel()
        return True

    def upgrade(self) -> bool:
        """Accept only masked WebSocket frames from now on.

        Returns:
            False if something came before the upgrade.
        """
        self._masks = Masks()
        return self._n_after_head == 0

    def make_way(self) -> None:
        """Leave, because another one needs the place."""
        self._limiter.refused(CROWDED)
        self._refuse(b"503 Service Unavailable")

    def abort(self) -> None:
        """Cut the connection."""
        self._over = True
        self._transport.abort()

    async def _encrypt(
        self,
        raw: asyncio.Transport,
        tls: Callable[[], ssl.SSLContext | None],
        *,
        may_be_plain: bool,
    ) -> None:
        limits = self._limiter.limits
        try:
            is_plain = may_be_plain and not await _begins_tls(raw, limits.handshake_s)
            if self._over:
                return
            if is_plain:
                raw.resume_reading()
            elif (context := tls()) is None:
                raise ConnectionRefusedError  # no certificate works
            else:
                self._transport = await _handshake(raw, self, context, limits.handshake_s)
                self.is_encrypted = True
        except OSError:  # ssl.SSLError is one
            self._limiter.refused(TLS)
            self._over = True
            raw.abort()
            self.connection_lost(None)  # asyncio does not call it if the handshake fails
        if not self._over:
            self._ready = True
            self._set_deadline(limits.head_s)
            self._check_head()

    def _check_head(self) -> None:
        """Hand over if the head is complete, or refuse it if it is too long."""
        self._received = self._received.lstrip(
            b"\r\n"
        )  # RFC 9112 §2.2: ignore empty lines before a request
        most, n_bytes = self._limiter.limits.head_bytes, self._received.find(END_OF_HEAD)
        if max(n_bytes, 0 if n_bytes >= 0 else len(self._received) - len(END_OF_HEAD)) > most:
            self._limiter.refused("431")
            self._refuse(b"431 Request Header Fields Too Large")
        elif self._ready and n_bytes >= 0:
            self._hand_over(n_bytes + len(END_OF_HEAD))

    def _hand_over(self, n_bytes: int) -> None:
        limits = self._limiter.limits
        # The server answers late requests itself; this deadline is for those it does not.
        self._set_deadline(limits.body_s + limits.answer_s)
        received, self._received = bytes(self._received), bytearray()
        self._n_after_head = len(received) - n_bytes
        self._inside = self._limiter.inside(self)
        self._inside.connection_made(self._transport)
        self._inside.data_received(received)

    def _pass_on(self, data: bytes) -> None:
        assert self._inside is not None  # noqa: S101 - checked by the caller
        self._n_after_head += len(data)
        if self._masks is not None and not self._masks.are_on(data):
            self._limiter.refused(UNMASKED)
            self._transport.write(PROTOCOL_ERROR)
            self._close()
        elif not self._over:
            self._inside.data_received(data)

    def _set_deadline(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._timed_out)

    def _timed_out(self) -> None:
        self._limiter.refused(LATE)
        self.abort()

    def _refuse(self, reason: bytes) -> None:
        if self._inside is not None or (self._limiter.tls is not None and not self._ready):
            self.abort()  # an answer, or a handshake, is on its way
            return
        self._transport.write(REFUSAL % reason)
        self._close()

    def _close(self) -> None:
        self._over = True
        self._set_deadline(SHUTDOWN_S)
        self._transport.close()


async def _begins_tls(raw: asyncio.Transport, within_s: float) -> bool:
    """Wait for the first byte, leave it in the socket, and return whether it begins TLS."""
    loop, something = asyncio.get_running_loop(), asyncio.Event()
    # asyncio allows no second reader on a transport's descriptor, but one on its copy.
    with socket.socket(fileno=os.dup(raw.get_extra_info("socket").fileno())) as peeking:
        loop.add_reader(peeking, something.set)
        try:
            async with asyncio.timeout(within_s):
                await something.wait()
        finally:
            loop.remove_reader(peeking)
        return peeking.recv(1, socket.MSG_PEEK) == CLIENT_HELLO


async def _handshake(
    raw: asyncio.Transport, protocol: asyncio.Protocol, context: ssl.SSLContext, within_s: float
) -> asyncio.Transport:
    made = await asyncio.get_running_loop().start_tls(
        raw,
        protocol,
        context,
        server_side=True,
        ssl_handshake_timeout=within_s,
        ssl_shutdown_timeout=SHUTDOWN_S,
    )
    if made is None:  # closed within the handshake
        raise ConnectionAbortedError
    return made
