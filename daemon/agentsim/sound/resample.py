"""Rate conversion by a windowed-sinc polyphase filter, any rational ratio, any chunk size."""

from math import gcd

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from agentsim.sound import NO_SOUND, Samples

TAPS = 24
KAISER_BETA = 7.0
CUTOFF = 0.92
"""As a part of the lower Nyquist frequency; with these taps the worst spur is below -80 dB."""
PIECE = 4_096
"""A recording is converted in pieces: each holds the interpreter lock for about 2 ms."""


class Resampler:
    """Converts a stream from one rate to another, one chunk at a time."""

    def __init__(self, from_hz: int, to_hz: int) -> None:
        divisor = gcd(from_hz, to_hz)
        self._up, self._down = to_hz // divisor, from_hz // divisor
        self._filters = _filters(self._up, self._down)
        self._n_taps = self._filters.shape[1]
        # Half a filter of silence at the start compensates for the delay of the filter.
        self._waiting = np.zeros(self._n_taps - 1 - self._n_taps // 2, np.float32)
        self._position = 0

    def __call__(self, samples: Samples) -> Samples:
        """Return what can be converted so far; the rest comes with the next chunk."""
        if self._up == self._down:
            return samples
        heard = np.concatenate((self._waiting, samples.astype(np.float32)))
        n_windows = len(heard) - self._n_taps + 1
        if n_windows <= 0:
            self._waiting = heard
            return NO_SOUND
        ticks = np.arange(self._position, n_windows * self._up, self._down)
        windows, phases = np.divmod(ticks, self._up)
        chosen = sliding_window_view(heard, self._n_taps)[windows]
        spoken = np.einsum("nt,nt->n", chosen, self._filters[phases])
        self._position += len(ticks) * self._down - n_windows * self._up
        self._waiting = heard[n_windows:]
        return _int16(spoken)


def resample(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    """Convert a whole recording."""
    resampler = Resampler(from_hz, to_hz)
    tail = np.zeros(TAPS * max(1, from_hz // to_hz + 1), np.int16)
    n_frames = len(samples) * to_hz // from_hz
    padded = np.concatenate((samples, tail))
    pieces = np.split(padded, range(PIECE, len(padded), PIECE))
    return np.concatenate([resampler(piece) for piece in pieces])[:n_frames]


def _int16(samples: np.ndarray[tuple[int], np.dtype[np.float32]]) -> Samples:
    return np.clip(np.rint(samples), -32_768, 32_767).astype(np.int16)


def _filters(up: int, down: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Return one filter per output phase, newest sample last."""
    widest = max(up, down)
    n_taps = -(-TAPS * widest // up)
    n_taps += n_taps % 2
    centre = n_taps // 2 * up
    cutoff = CUTOFF / widest
    ticks = np.arange(2 * centre) - centre
    window = np.kaiser(2 * centre + 1, KAISER_BETA)[:-1]
    prototype = cutoff * np.sinc(cutoff * ticks) * window * up
    return np.ascontiguousarray(prototype.reshape(n_taps, up).T[:, ::-1], np.float32)
