"""The kernel's state of a TCP connection. Layout: `struct tcp_info` in linux/tcp.h."""

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
    """One reading of a connection.

    Attributes:
        n_unacknowledged: Segments sent and not acknowledged.
        since_data_s: Time since the peer last sent data.
        since_ack_s: Time since the peer last acknowledged anything.
        rtt_s: Smoothed round-trip time.
        acknowledged_bytes: Bytes acknowledged by the peer.
        queued_bytes: Bytes in the kernel that are not acknowledged.
    """

    n_unacknowledged: int
    since_data_s: float
    since_ack_s: float
    rtt_s: float
    acknowledged_bytes: int
    queued_bytes: int


def look_at(sock: socket.socket) -> TcpState:
    """Return the kernel's state of `sock`.

    Raises:
        OSError: If it is closed or not TCP.
    """
    if sock.fileno() < 0:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    # Read the queue first: data acknowledged between the two reads is then counted twice, never missed.
    (queued,) = _INT.unpack(fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(_INT.size)))
    unacked, since_data_ms, since_ack_ms, rtt_us, acked = _INFO.unpack(
        sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size)
    )
    return TcpState(unacked, since_data_ms / 1000, since_ack_ms / 1000, rtt_us / 1e6, acked, queued)
