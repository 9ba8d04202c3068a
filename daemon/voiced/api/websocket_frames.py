"""The masks of WebSocket frames. RFC 6455 wants them from clients, and the library does not check. Pure."""

MASKED = 0x80
LENGTH = 0x7F
_MASK_BYTES = 4
_WIDE = {126: 2, 127: 8}  # special lengths: the true one follows, in so many bytes


class Masks:
    """Follows a stream of frames, cut anywhere."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._n_left = 0

    def are_on(self, data: bytes) -> bool:
        """Take the next bytes of the stream; return whether all frames that begin in them are masked."""
        at = 0
        while at < len(data):
            skipped = min(self._n_left, len(data) - at)
            self._n_left -= skipped
            at += skipped
            while at < len(data) and self._n_left == 0:
                self._head.append(data[at])
                at += 1
                if len(self._head) > 1 and not self._head[1] & MASKED:
                    return False
                self._begin()
        return True

    def _begin(self) -> None:
        """If the head of the frame is complete, skip to the end of the frame."""
        if len(self._head) < 2:  # noqa: PLR2004 - flags and length
            return
        length = self._head[1] & LENGTH
        n_wide = _WIDE.get(length, 0)
        if len(self._head) < 2 + n_wide + _MASK_BYTES:
            return
        if n_wide:
            length = int.from_bytes(self._head[2 : 2 + n_wide], "big")
        self._n_left = length
        self._head.clear()
