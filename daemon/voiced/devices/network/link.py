"""The link: one open `websockets` connection to an agent.

The library's `send` waits until a full write buffer drains, and its ping waits behind it: once a streaming socket
backs up, its keepalive no longer works. So the library's write limit is never reached, we limit unsent data
ourselves, read signs of life from the kernel, and abort a link that does not move.

Agents send sound in chunks as short as 10 ms. On a small board, waking up for each costs more than handling it. So
while messages come that fast, reading pauses until the next send, which wakes us anyway.
"""

import asyncio
import os
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.protocol import State

from voiced.agents.codec import Message
from voiced.devices.network.liveness import LinkLiveness, Patience, Verdict
from voiced.devices.network.tcp_info import TcpState, look_at
from voiced.errors import LinkError

UNSENT_LIMIT_BYTES = 64 * 1024
"""Above it `send` waits: one second of 24 kHz PCM16 as base64. So a slow network fills the uplink queue, which drops
the oldest sound, and does not hide in a growing delay."""

UNSENT_IN_KERNEL_BYTES = 16 * 1024
UNSENT_POLL_S = 0.01

RESET = struct.pack("ii", 1, 0)
"""`struct linger` with a timeout of 0: closing sends RST and discards unsent data."""

REST_S = 0.05
"""The longest pause of reading; captured sound is sent every 40 ms by default."""

FAST_S = 0.045
"""Messages at shorter intervals are sound."""

CLOSED = "the connection to the agent is closed"

FRAMING_BYTES = 64
"""An upper limit of what a WebSocket header and a TLS record add to a message."""


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """How to reach the network.

    Attributes:
        connect_timeout_s: For everything from the name lookup until the link is open.
        send_timeout_s: For one message; then the link is dropped.
        close_timeout_s: For a clean close; then the link is aborted.
        patience: How long silence may last before the peer counts as dead.
        max_message_bytes: The largest message accepted from the agent; no protocol comes near it.
        write_limit: Write buffer in bytes above which the library would wait.
        tcp_user_timeout_ms: How long the kernel waits for sent data to be acknowledged.
        happy_eyeballs_delay_s: Head start of one address of a host over the next.
        proxy: `auto` (as the environment says), `none`, or the URL of a proxy.
        ca_file: PEM file of authorities to trust besides the system's own.
        compression: Compress messages: half the bytes for ten times the CPU.
        count_every_s: How often to read progress from the kernel; in between it is estimated, never too low.
    """

    connect_timeout_s: float = 10
    send_timeout_s: float = 5
    close_timeout_s: float = 1
    patience: Patience = field(default_factory=Patience)
    max_message_bytes: int = 1024 * 1024
    write_limit: int = 4 * 1024 * 1024
    tcp_user_timeout_ms: int = 5000
    happy_eyeballs_delay_s: float = 0.25
    proxy: str = "auto"
    ca_file: str | None = None
    compression: bool = False
    count_every_s: float = 0.1


class WebSocketLink:
    """An open connection; implements `Link`."""

    def __init__(self, connection: ClientConnection, options: LinkOptions) -> None:
        self.close_code: int | None = None
        self.close_reason = ""
        self._connection = connection
        self._options = options
        self._carrier = _under_tls(connection.transport)
        self._socket: socket.socket = connection.transport.get_extra_info("socket")
        self._liveness = LinkLiveness(options.patience)
        self._loop = asyncio.get_running_loop()
        self._received_s = self._sent_s = self._looked_s = 0.0
        self._paused: asyncio.TimerHandle | None = None
        self._closely = True
        self.written_bytes = self.acknowledged_bytes = 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Message:
        self._pause_reading()
        try:
            return await self._connection.recv()
        except ConnectionClosed as closed:
            self._note_end(closed)
            raise StopAsyncIteration from None

    async def send(self, message: Message) -> None:
        self._sent_s = self._loop.time()
        self._resume_reading()
        try:
            unsent_bytes = self._connection.transport.get_write_buffer_size() + len(message)
            if unsent_bytes <= min(UNSENT_LIMIT_BYTES, self._options.write_limit) // 4:
                # This cannot block, and a timeout for every period would cost as much as the send itself.
                await self._connection.send(message)
                self._count(message)
                return
            async with asyncio.timeout(self._options.send_timeout_s):
                await self._connection.send(message)
                self._count(message)
                await self._settle()
        except TimeoutError:
            self.give_up(f"the agent took no data for {self._options.send_timeout_s:g} s")
            raise LinkError(self.close_reason or CLOSED) from None
        except ConnectionClosed:
            raise LinkError(CLOSED) from None

    def attend(self, closely: bool, /) -> None:  # noqa: FBT001 - as the port says
        self._closely = closely
        if closely:
            self._resume_reading()

    async def watch(self) -> None:
        while True:
            await asyncio.sleep(self._options.patience.look_every_s)
            seen = self._look()
            if seen is not None and self._judge(seen) is Verdict.ASK:
                self._liveness.asked()
                with suppress(ConnectionClosed):
                    await self._connection.ping()

    async def close(self) -> None:
        try:
            async with asyncio.timeout(self._options.close_timeout_s):
                await self._connection.close()
        except TimeoutError:
            self.abort()

    def _pause_reading(self) -> None:
        """Pause reading until the next send wakes us anyway, if messages come fast."""
        now_s = self._loop.time()
        before_s, self._received_s = self._received_s, now_s
        if self._closely or self._paused is not None:
            return
        if now_s - before_s <= FAST_S and now_s - self._sent_s <= FAST_S:
            self._carrier.pause_reading()
            self._paused = self._loop.call_later(REST_S, self._resume_reading)

    def _resume_reading(self) -> None:
        if self._paused is not None:
            self._paused.cancel()
            self._paused = None
            self._carrier.resume_reading()

    def abort(self) -> None:
        self._resume_reading()
        with suppress(OSError):  # closed already
            # Otherwise the kernel would send queued data once the network is back, although it has been sent
            # again on another link. With RST it discards it.
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self._connection.transport.abort()

    def give_up(self, reason: str) -> None:
        """Abort, and record `reason` as the close reason."""
        if self._is_open() and not self.close_reason:
            self.close_reason = reason
            self._look()
            self.abort()

    def _look(self) -> TcpState | None:
        """Read the socket's state, and record what the peer has acknowledged."""
        try:
            seen = look_at(self._socket)
        except OSError:  # closed
            return None
        self._looked_s = self._loop.time()
        self.acknowledged_bytes = seen.acknowledged_bytes
        if not (seen.queued_bytes or self._connection.transport.get_write_buffer_size()):
            # Nothing is in flight, so the peer has all that was written, even if the estimate was higher.
            self.acknowledged_bytes = max(self.acknowledged_bytes, self.written_bytes)
        return seen

    def _count(self, message: Message) -> None:
        """Record how far we have written; data not yet in the kernel is estimated, never too low."""
        now_s = self._loop.time()
        if now_s - self._looked_s < self._options.count_every_s:
            self.written_bytes += len(message) + FRAMING_BYTES
            return
        seen = self._look()
        if seen is None:
            return
        in_kernel = seen.acknowledged_bytes + seen.queued_bytes
        buffered = self._connection.transport.get_write_buffer_size()
        if buffered or seen.queued_bytes > UNSENT_IN_KERNEL_BYTES // 2:
            in_kernel = max(in_kernel + buffered, self.written_bytes + len(message) + FRAMING_BYTES)
        self.written_bytes = in_kernel
        self._judge(seen)

    def _judge(self, seen: TcpState) -> Verdict:
        verdict = self._liveness.judge(seen, self._loop.time())
        if verdict is Verdict.DEAD:
            self.give_up(self._liveness.reason)
        return verdict

    async def _settle(self) -> None:
        transport = self._connection.transport
        while transport.get_write_buffer_size() > UNSENT_LIMIT_BYTES and self._is_open():  # noqa: ASYNC110 - a transport tells only when asked
            await asyncio.sleep(UNSENT_POLL_S)

    def _is_open(self) -> bool:
        return self._connection.state is State.OPEN

    def _note_end(self, closed: ConnectionClosed) -> None:
        """Record the peer's close, unless we gave up first: then it only answers ours."""
        if self.close_reason:
            return
        ours, theirs = closed.sent, closed.rcvd
        if ours and ours.code != CloseCode.NORMAL_CLOSURE and not closed.rcvd_then_sent:
            self.close_reason = ours.reason
        elif theirs and theirs.code != CloseCode.NO_STATUS_RCVD:
            self.close_code, self.close_reason = theirs.code, theirs.reason
        elif isinstance(closed.__cause__, OSError) and closed.__cause__.errno:
            self.close_reason = os.strerror(closed.__cause__.errno)


def _under_tls(transport: asyncio.Transport) -> asyncio.Transport:
    """Return the transport that reads the socket.

    A paused TLS transport still wakes up to read, and buffers what it reads.
    """
    protocol = getattr(transport, "_ssl_protocol", None)
    return getattr(protocol, "_transport", None) or transport
