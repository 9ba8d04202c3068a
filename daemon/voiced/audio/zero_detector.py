"""A microphone that delivers nothing but zeros is broken or switched off: a quiet room is not that quiet."""

LONGEST_PATIENCE_S = 60.0


class ZeroWatch:
    """Watches for exact zeros.

    Args:
        patience_s: How long there may be nothing else; 0 is for ever.

    Attributes:
        silent: There was nothing else for that long, and still is not.
    """

    def __init__(self, patience_s: float) -> None:
        self.silent = False
        self._first_s = self._patience_s = patience_s
        self._zeros_s = 0.0

    def feed(self, pcm: bytes, duration_s: float) -> bool:
        """Take one period (int16); tell whether the device should be opened anew.

        The first time after the patience, then more and more rarely.
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
