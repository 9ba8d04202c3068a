"""Change the sample rate of a stream, one chunk at a time.

A windowed-sinc polyphase filter. M frames of source are a block that gives L frames of target; one
matrix product per chunk does whole blocks. The coefficients are multiples of a power of two so
small that every sum is exact in float64: the output does not depend on how the stream was cut into
chunks, nor on the order in which the linear algebra library of a given board adds up.
"""

from functools import lru_cache
from math import gcd

import numpy as np
from numpy.typing import NDArray

# Measured over all pairs of rates: -0.1 dB at 0.8 of the lower Nyquist frequency, worst spur -78 dB
# of any tone up to 0.9 of it or from 1.1 of it on.
TAPS = 30  # spans of the lower rate: a delay of 1.9 ms at 8 kHz, 0.6 ms at 24 kHz
KAISER_BETA = 7.6
CUTOFF = 0.92  # of the lower Nyquist frequency
COEFFICIENT_STEP = 2.0**-30  # 15 bits of sample + 30 of coefficient + 8 of summing fit into 53
SLICE_S = 0.02  # bounds memory, and OpenBLAS starts threads above 262,144 multiplications


class Resampler:
    """Resamples one mono stream from `source_hz` to `target_hz`.

    Attributes:
        delay_s: How much later a sound leaves than it came in.
    """

    def __init__(self, source_hz: int, target_hz: int) -> None:
        common_hz = gcd(source_hz, target_hz)
        self._target_frames = target_hz // common_hz
        self._source_frames = source_hz // common_hz
        self._through = source_hz == target_hz
        self.delay_s = 0.0 if self._through else TAPS / 2 / min(source_hz, target_hz)
        self._matrix = _matrix(self._target_frames, self._source_frames)
        self._history_frames = len(self._matrix) - self._source_frames
        self._slice_bytes = 2 * max(1, int(source_hz * SLICE_S))
        self.reset()

    def process(self, pcm: bytes) -> bytes:
        """Return every frame that `pcm` completes (n_frames, int16 LE, any n_frames)."""
        if self._through:
            return pcm
        starts = range(0, len(pcm), self._slice_bytes)
        return b"".join([self._process_slice(pcm[at : at + self._slice_bytes]) for at in starts])

    def flush(self) -> bytes:
        """Return what the filter still holds, and start a new stream."""
        if self._through:
            return b""
        tail = self.process(bytes(2 * self._history_frames))
        self.reset()
        return tail

    def reset(self) -> None:
        """Forget the stream so far."""
        self._held = np.zeros(self._history_frames)
        self._sent_of_block = 0

    def _process_slice(self, pcm: bytes) -> bytes:
        n_target, n_source = self._target_frames, self._source_frames
        fresh = np.frombuffer(pcm, "<i2")
        n_frames = len(self._held) - self._history_frames + len(fresh)
        n_blocks = -(-n_frames // n_source)
        n_ready = -(-n_frames * n_target // n_source)
        pieces = [self._held, fresh]
        if n_missing := n_blocks * n_source - n_frames:
            # The last block is short of frames: what needs the missing ones is not ready.
            pieces.append(np.zeros(n_missing))
        held = np.concatenate(pieces)
        # Overlapping rows, which a matrix product cannot take without a copy.
        shape, strides = (n_blocks, len(self._matrix)), (n_source * held.itemsize, held.itemsize)
        rows = np.ndarray(shape, held.dtype, held, strides=strides)
        blocks = np.ascontiguousarray(rows) @ self._matrix
        ready = blocks.ravel()[self._sent_of_block : n_ready]
        np.rint(ready, out=ready)
        np.maximum(ready, -32768, out=ready)  # together half the time of one np.clip
        np.minimum(ready, 32767, out=ready)
        whole = n_frames // n_source
        self._held = held[whole * n_source : n_frames + self._history_frames].copy()
        self._sent_of_block = n_ready - whole * n_target
        return ready.astype("<i2").tobytes()


@lru_cache
def _matrix(n_target: int, n_source: int) -> NDArray[np.float64]:
    """Return what a row of history and one block is multiplied with to give a block of target."""
    longest = max(n_target, n_source)
    n_coefficients = TAPS * longest + 1
    cutoff = CUTOFF / longest
    offset = np.arange(n_coefficients) - TAPS * longest / 2
    prototype = cutoff * np.sinc(cutoff * offset) * np.kaiser(n_coefficients, KAISER_BETA)
    n_taps = -(-n_coefficients // n_target)
    phases = np.pad(prototype, (0, n_taps * n_target - n_coefficients)).reshape(n_taps, n_target)
    phases /= phases.sum(axis=0)  # no phase is louder than another
    phases = np.rint(phases / COEFFICIENT_STEP) * COEFFICIENT_STEP
    matrix = np.zeros((n_taps - 1 + n_source, n_target))
    for at in range(n_target):
        newest, phase = divmod(at * n_source, n_target)
        matrix[newest : newest + n_taps, at] = phases[::-1, phase]
    return matrix
