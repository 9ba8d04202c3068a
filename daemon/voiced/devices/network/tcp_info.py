"""What the kernel knows of a TCP connection. Layout: `struct tcp_info` in linux/tcp.h."""

import errno
import fcntl
import os
import socket
import struct
import termios
from dataclasses import dataclass

_INFO = struct.Struct("=24xI24xII8xI48xQ")
"""unacked @24, last_data_recv @52, last_ack_recv @56, rtt @68, bytes_acked @120."""

_INT = struct.Struct("=i")


@dataclass(frozen=True, slots=True)
class TcpState:
    """One look at a connection.

    Attributes:
        n_unacknowledged: Segments that were sent and are not acknowledged.
        since_data_s: Time since the peer last sent data.
        since_ack_s: Time since the peer last acknowledged anything.
        rtt_s: Smoothed round-trip time.
        acknowledged_bytes: How much the peer has acknowledged.
        queued_bytes: How much the kernel holds that is not acknowledged.
    """

    n_unacknowledged: int
    since_data_s: float
    since_ack_s: float
    rtt_s: float
    acknowledged_bytes: int
    queued_bytes: int


def look_at(sock: socket.socket) -> TcpState:
    """Return what the kernel knows of `sock`.

    Raises:
        OSError: If it is closed or not TCP.
    """
    if sock.fileno() < 0:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    # The queue first: what is acknowledged between the two looks then counts twice, never not at all.
    (queued,) = _INT.unpack(fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(_INT.size)))
    unacked, since_data_ms, since_ack_ms, rtt_us, acked = _INFO.unpack(
        sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size)
    )
    return TcpState(unacked, since_data_ms / 1000, since_ack_ms / 1000, rtt_us / 1e6, acked, queued)
