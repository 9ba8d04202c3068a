"""Check a broker's packets before the MQTT library reads or keeps any of them.

The library accepts packets of 256 MB, keeps every QoS 2 message until the broker releases it, and loops for ever on
a packet with an invalid topic. Source: MQTT 5.0 and 3.1.1, chapters 2 and 3.3.
"""

import socket
from enum import Enum
from typing import Any

PUBLISH = 3
TO_CLIENTS = {2, PUBLISH, *range(4, 8), 9, 11, 13, 14, 15}
"""The types of packets that a broker may send."""

QOS_BITS, AT_LEAST_ONCE = 0x06, 0x02
MOST_LENGTH_BYTES = 4
TOPIC_LENGTH_BYTES = 2
MOST_AT_ONCE_BYTES = 256 * 1024
"""How much is skipped in one go, before the loop gets its turn."""


class _Stage(Enum):
    TYPE = "the first byte of a packet"
    LENGTH = "how long it is"
    BODY = "what it holds"


class BadPacketError(ConnectionError):
    """The broker sent an invalid or unexpected packet."""


class PacketCheck:
    """Checks the bytes that a broker sends, and truncates long messages.

    A message beyond the limit is truncated but still passed on, so that the library acknowledges it and the broker
    does not repeat it. Its length tells the receiver that it is too long.

    Args:
        most_bytes: The longest packet passed on, without its header.
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
        """How many of the next bytes will be skipped."""
        return 0 if self._left_bytes else self._surplus_bytes

    def passed(self, data: bytes) -> bytes:
        """Return the part of `data` to pass on.

        Raises:
            BadPacketError: If it is not valid MQTT.
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
        if self._kind == PUBLISH and flags & QOS_BITS > AT_LEAST_ONCE:
            raise BadPacketError("a message with a QoS that was not requested")
        self._length = self._n_length_bytes = 0
        self._stage = _Stage.LENGTH
        return bytes([byte])

    def _length_byte(self, byte: int) -> bytes:
        # Seven bits in each byte, the lowest first; the eighth says that another byte follows.
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
        """Collect and check the topic of a message: its length, then its text."""
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
    """Return a packet's length as MQTT's variable byte integer."""
    out = bytearray()
    while True:
        length, byte = divmod(length, 128)
        out.append(byte | (0x80 if length else 0))
        if not length:
            return bytes(out)


class CheckedSocket:
    """A socket that delivers only valid MQTT. Otherwise it behaves as the socket it wraps.

    Attributes:
        fault: The first invalid thing the broker sent; empty until then.
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
        """Data is buffered here or in TLS, so the socket may not show as readable."""
        return bool(self._passed) or getattr(self._opened, "pending", int)() > 0

    def pending(self) -> int:
        """Return 0, because the library would otherwise read for as long as a broker sends."""
        return 0

    def recv(self, n_bytes: int) -> bytes:
        """Return up to `n_bytes` of what the broker sent; nothing at the end of the stream.

        Raises:
            BadPacketError: If it is not valid MQTT.
            OSError: If nothing can be passed on now, or the socket is broken.
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
                raise BlockingIOError  # the reader tries again when there is more
        found, self._passed = self._passed[:n_bytes], self._passed[n_bytes:]
        return found
