"""What a broker sends, checked as it comes, before the MQTT library sees or keeps any of it.

The library takes packets of 256 MB, keeps every message of quality 2 until the broker lets go of it, and
stumbles over topics that MQTT forbids: it then reads the same packet again and again. MQTT 5.0 and
3.1.1, chapters 2 and 3.3, say what is right.
"""

import socket
from enum import Enum
from typing import Any

PUBLISH = 3
TO_CLIENTS = {2, PUBLISH, *range(4, 8), 9, 11, 13, 14, 15}
"""The types of packets that a broker may send."""

QUALITY, AT_LEAST_ONCE = 0x06, 0x02
MOST_LENGTH_BYTES = 4
TOPIC_LENGTH_BYTES = 2
MOST_AT_ONCE_BYTES = 256 * 1024
"""What is passed over in one go, before others have their turn."""


class _Stage(Enum):
    TYPE = "the first byte of a packet"
    LENGTH = "how long it is"
    BODY = "what it holds"


class BadPacketError(ConnectionError):
    """The broker sent what is no MQTT, or nothing for us."""


class PacketCheck:
    """Checks the bytes that a broker sends, and shortens what is too long.

    A message beyond the limit is passed on without its end, so that it is acknowledged and does not come
    again; who gets it can see that it is too long.

    Args:
        most_bytes: The longest packet passed on, without its head.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._stage = _Stage.TYPE
        self._kind = 0
        self._length = self._n_length_bytes = 0
        self._left_bytes = self._surplus_bytes = 0
        self._topic = bytearray()
        self._topic_bytes = 0

    @property
    def next_skipped_bytes(self) -> int:
        """How many of the next bytes are passed over."""
        return 0 if self._left_bytes else self._surplus_bytes

    def passed(self, data: bytes) -> bytes:
        """Return what of `data` is to be passed on.

        Raises:
            BadPacketError: If it is not as MQTT says.
        """
        out, at = bytearray(), 0
        while at < len(data):
            match self._stage:
                case _Stage.TYPE:
                    out += self._type(data[at])
                    at += 1
                case _Stage.LENGTH:
                    out += self._length_byte(data[at])
                    at += 1
                case _Stage.BODY if self._left_bytes:
                    piece = data[at : at + self._left_bytes]
                    self._look_at(piece)
                    out += piece
                    at += len(piece)
                    self._left_bytes -= len(piece)
                case _Stage.BODY:
                    n_skipped = min(self._surplus_bytes, len(data) - at)
                    at += n_skipped
                    self._surplus_bytes -= n_skipped
            if self._stage is _Stage.BODY and not (self._left_bytes or self._surplus_bytes):
                self._end()
        return bytes(out)

    def _type(self, byte: int) -> bytes:
        self._kind, flags = byte >> 4, byte & 0x0F
        if self._kind not in TO_CLIENTS:
            raise BadPacketError("a packet that a broker must not send")
        if self._kind == PUBLISH and flags & QUALITY > AT_LEAST_ONCE:
            raise BadPacketError("a message with a QoS that was not requested")
        self._length = self._n_length_bytes = 0
        self._stage = _Stage.LENGTH
        return bytes([byte])

    def _length_byte(self, byte: int) -> bytes:
        self._length |= (byte & 0x7F) << 7 * self._n_length_bytes
        self._n_length_bytes += 1
        if byte & 0x80:
            if self._n_length_bytes == MOST_LENGTH_BYTES:
                raise BadPacketError("a packet without a proper length")
            return b""
        self._left_bytes = min(self._length, self._most_bytes)
        self._surplus_bytes = self._length - self._left_bytes
        if self._surplus_bytes and self._kind != PUBLISH:
            raise BadPacketError(f"a packet of {self._length} bytes that is not a message")
        self._topic.clear()
        self._topic_bytes = TOPIC_LENGTH_BYTES
        self._stage = _Stage.BODY
        return _encoded(self._left_bytes)

    def _look_at(self, piece: bytes) -> None:
        """Look at the topic of a message: its length, then its text."""
        while self._kind == PUBLISH and piece and len(self._topic) < self._topic_bytes:
            taken = piece[: self._topic_bytes - len(self._topic)]
            piece = piece[len(taken) :]
            self._topic += taken
            if len(self._topic) < self._topic_bytes:
                return
            if self._topic_bytes == TOPIC_LENGTH_BYTES:
                self._topic_bytes += int.from_bytes(self._topic, "big")
                if not TOPIC_LENGTH_BYTES < self._topic_bytes <= self._most_bytes:
                    raise BadPacketError("a message without a proper topic")
            else:
                _check_topic(bytes(self._topic[TOPIC_LENGTH_BYTES:]))

    def _end(self) -> None:
        if self._kind == PUBLISH and len(self._topic) != self._topic_bytes:
            raise BadPacketError("a message that ends within its topic")
        self._stage = _Stage.TYPE


def _check_topic(topic: bytes) -> None:
    try:
        text = topic.decode()
    except UnicodeDecodeError:
        raise BadPacketError("a message with a topic that is not text") from None
    if any(char in text for char in "+#\0"):
        raise BadPacketError("a message with a wildcard or a zero byte in its topic")


def _encoded(length: int) -> bytes:
    """Return a packet's length as MQTT writes it."""
    out = bytearray()
    while True:
        length, byte = divmod(length, 128)
        out.append(byte | (0x80 if length else 0))
        if not length:
            return bytes(out)


class CheckedSocket:
    """A socket to a broker from which only what is proper is read. Otherwise as the socket is.

    Args:
        opened: The socket.
        check: What is proper.

    Attributes:
        fault: What the broker sent that was not; empty as long as all was.
    """

    def __init__(self, opened: socket.socket, check: PacketCheck) -> None:
        self._opened = opened
        self._check = check
        self._passed = b""
        self.fault = ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._opened, name)

    @property
    def is_holding(self) -> bool:
        """There is something to be read although the socket does not say so."""
        return bool(self._passed) or getattr(self._opened, "pending", int)() > 0

    def pending(self) -> int:
        """Return 0 to the library, which would read on as long as a broker lets it."""
        return 0

    def recv(self, n_bytes: int) -> bytes:
        """Return up to `n_bytes` of what the broker sent; nothing at its end.

        Raises:
            BadPacketError: If it is not proper.
            OSError: If the socket has nothing now, or nothing that is passed on, or is broken.
        """
        if not self._passed:
            skipped_bytes = min(self._check.next_skipped_bytes, MOST_AT_ONCE_BYTES)
            data = self._opened.recv(skipped_bytes or n_bytes)
            if not data:
                return b""
            try:
                self._passed = self._check.passed(data)
            except BadPacketError as error:
                self.fault = str(error)
                raise
            if not self._passed:
                raise BlockingIOError  # whoever reads comes back for what follows
        found, self._passed = self._passed[:n_bytes], self._passed[n_bytes:]
        return found
