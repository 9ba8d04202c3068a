"""The masks of WebSocket frames: a browser masks all of them, and the library does not look. Pure."""

MASKED = 0x80
LENGTH = 0x7F
_MASK_BYTES = 4
_WIDE = {126: 2, 127: 8}
"""Lengths that say how many bytes the true length has."""


class Masks:
    """Follows a stream of frames, however it is cut."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._n_left = 0

    def are_on(self, data: bytes) -> bool:
        """Take the next bytes of the stream; tell whether every frame that begins in them is masked."""
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
        """Step over the frame whose head is whole."""
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
