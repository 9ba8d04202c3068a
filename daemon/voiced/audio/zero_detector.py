"""Detection of a microphone that delivers only zeros: it is broken or switched off, for no room is so quiet."""

LONGEST_PATIENCE_S = 60.0


class ZeroWatch:
    """Watches for exact zeros.

    Args:
        patience_s: How long there may be only zeros; 0 means for ever.

    Attributes:
        silent: There have been only zeros for at least that long.
    """

    def __init__(self, patience_s: float) -> None:
        self.silent = False
        self._first_s = self._patience_s = patience_s
        self._zeros_s = 0.0

    def feed(self, pcm: bytes, duration_s: float) -> bool:
        """Process one period (int16); return whether to reopen the device.

        The first time after the patience, then less and less often.
        """
        if not self._first_s:
            return False
        if any(pcm):
            self.silent = False
            self._zeros_s, self._patience_s = 0.0, self._first_s
            return False
        self._zeros_s += duration_s
        if self._zeros_s < self._patience_s:
            return False
        self.silent = True
        self._zeros_s = 0.0
        self._patience_s = min(2 * self._patience_s, max(LONGEST_PATIENCE_S, self._first_s))
        return True
