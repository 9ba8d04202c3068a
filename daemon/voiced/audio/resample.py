"""Change the sample rate of a stream, one chunk at a time.

A windowed-sinc polyphase filter. A block of M source frames gives L target frames; one matrix product per
chunk computes whole blocks. Integer arithmetic makes the output the same on every board, however the stream
was cut into chunks; and on a CPU that has just woken, numpy's plain loops beat the kernels of a linear
algebra library.
"""

from functools import lru_cache
from math import gcd

import numpy as np
from numpy.typing import NDArray

# Measured over all pairs of rates: -0.1 dB at 0.8 of the lower Nyquist frequency; the worst spur is -78 dB
# for any tone below 0.9 or above 1.1 of it.
TAPS = 30  # spans of the lower rate: a delay of 1.9 ms at 8 kHz, 0.6 ms at 24 kHz
KAISER_BETA = 7.6
CUTOFF = 0.92  # of the lower Nyquist frequency
COEFFICIENT_BITS = 30  # 15 of the sample + 30 + 8 of summing fit into 63
HALF = 1 << (COEFFICIENT_BITS - 1)
WORKSPACES = 8
SLICE_S = 0.05  # bounds memory


class Resampler:
    """Resamples one mono stream from `source_hz` to `target_hz`.

    Attributes:
        delay_s: The filter's delay.
    """

    def __init__(self, source_hz: int, target_hz: int) -> None:
        common_hz = gcd(source_hz, target_hz)
        self._ratio = (target_hz // common_hz, source_hz // common_hz)
        self._through = source_hz == target_hz
        self.delay_s = 0.0 if self._through else TAPS / 2 / min(source_hz, target_hz)
        self._matrix = _matrix(*self._ratio)
        self._history_frames = len(self._matrix) - self._ratio[1]
        self._workspaces: dict[tuple[int, int, int], _Workspace] = {}
        self._slice_bytes = 2 * max(1, int(source_hz * SLICE_S))
        self.reset()

    def process(self, pcm: bytes) -> bytes:
        """Return every output frame that `pcm` completes (both n_frames, int16 LE, any n_frames)."""
        if self._through:
            return pcm
        starts = range(0, len(pcm), self._slice_bytes)
        return b"".join([self._process_slice(pcm[at : at + self._slice_bytes]) for at in starts])

    def flush(self) -> bytes:
        """Return the tail that the filter still holds, and start a new stream."""
        if self._through:
            return b""
        tail = self.process(bytes(2 * self._history_frames))
        self.reset()
        return tail

    def reset(self) -> None:
        """Forget the stream so far."""
        self._held = np.zeros(self._history_frames, np.int64)
        self._sent_of_block = 0

    def _process_slice(self, pcm: bytes) -> bytes:
        n_held, n_fresh = len(self._held), len(pcm) // 2
        space = self._workspace(n_held, n_fresh, self._sent_of_block)
        space.source[:n_held] = self._held
        space.source[n_held : n_held + n_fresh] = np.frombuffer(pcm, "<i2")
        np.matmul(space.rows, self._matrix, out=space.blocks)
        ready = space.ready
        np.add(ready, HALF, out=ready)
        np.right_shift(ready, COEFFICIENT_BITS, out=ready)
        np.maximum(ready, -32768, out=ready)  # together half the time of one np.clip
        np.minimum(ready, 32767, out=ready)
        self._held = space.left.copy()
        self._sent_of_block = space.sent_after
        return ready.astype("<i2").tobytes()

    def _workspace(self, n_held: int, n_fresh: int, sent: int) -> "_Workspace":
        """Return preallocated arrays; a stream of equal chunks needs few of them.

        On a small board every numpy call finds cold caches: fewer calls matter more than fewer multiplications.
        """
        key = (n_held, n_fresh, sent)
        if key not in self._workspaces:
            if len(self._workspaces) == WORKSPACES:
                self._workspaces.clear()
            self._workspaces[key] = _Workspace(self._matrix.shape[0], self._ratio, key)
        return self._workspaces[key]


class _Workspace:
    """Arrays for one size of slice.

    Attributes:
        source: History, frames held over, fresh frames; zeros for what a last block lacks.
        rows: `source` as overlapping rows, one for each block.
        blocks: Room for the product.
        ready: The part of it that is complete and not sent yet.
        left: The part of `source` to hold for the next slice.
        sent_after: How much of the block begun in `left` is sent then.
    """

    def __init__(self, n_row: int, ratio: tuple[int, int], key: tuple[int, int, int]) -> None:
        n_target, n_source = ratio
        n_held, n_fresh, sent = key
        n_history = n_row - n_source
        n_frames = n_held - n_history + n_fresh
        n_blocks = -(-n_frames // n_source)
        n_ready = -(-n_frames * n_target // n_source)
        whole = n_frames // n_source
        self.source = np.zeros(n_history + n_blocks * n_source, np.int64)
        size = self.source.itemsize
        strides = (n_source * size, size)
        self.rows: NDArray[np.int64]
        self.rows = np.ndarray((n_blocks, n_row), self.source.dtype, self.source, strides=strides)
        self.blocks = np.empty((n_blocks, n_target), np.int64)
        self.ready = self.blocks.reshape(-1)[sent:n_ready]
        self.left = self.source[whole * n_source : n_frames + n_history]
        self.sent_after = n_ready - whole * n_target


@lru_cache
def _matrix(n_target: int, n_source: int) -> NDArray[np.int64]:
    """Return the filter as a matrix: a row of history and one block, times it, is a block of target."""
    longest = max(n_target, n_source)
    n_coefficients = TAPS * longest + 1
    cutoff = CUTOFF / longest
    offset = np.arange(n_coefficients) - TAPS * longest / 2
    prototype = cutoff * np.sinc(cutoff * offset) * np.kaiser(n_coefficients, KAISER_BETA)
    n_taps = -(-n_coefficients // n_target)
    phases = np.pad(prototype, (0, n_taps * n_target - n_coefficients)).reshape(n_taps, n_target)
    phases /= phases.sum(axis=0)  # the same gain for every phase
    whole = np.rint(phases * 2.0**COEFFICIENT_BITS).astype(np.int64)
    matrix = np.zeros((n_taps - 1 + n_source, n_target), np.int64)
    for at in range(n_target):
        newest, phase = divmod(at * n_source, n_target)
        matrix[newest : newest + n_taps, at] = whole[::-1, phase]
    return matrix
