import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.audio.levels import FLOOR_DBFS, rms_dbfs


def pcm_of(samples):
    return struct.pack(f"<{len(samples)}h", *samples)


def sine(amplitude, n_frames=480):
    return pcm_of([round(amplitude * math.sin(math.tau * n / 48)) for n in range(n_frames)])


@pytest.mark.parametrize(
    ("pcm", "rms"),
    [
        (b"", FLOOR_DBFS),
        (bytes(960), FLOOR_DBFS),
        (pcm_of([-32768] * 320), 0.0),
        (pcm_of([16384, -16384] * 160), -6.02),
        (sine(32767), -3.01),
        (sine(3277), -23.01),
        (pcm_of([-32768] + [0] * 99), -20.0),
        (pcm_of([1] + [0] * 99999), FLOOR_DBFS),
    ],
)
def test_levels_are_relative_to_full_scale(pcm, rms):
    assert rms_dbfs(pcm) == pytest.approx(rms, abs=0.01)


@given(st.lists(st.integers(-32768, 32767), max_size=400))
def test_rms_lies_between_the_floor_and_the_peak(samples):
    peak = max(map(abs, samples), default=0)
    peak_dbfs = 20 * math.log10(peak / 32768) if peak else FLOOR_DBFS
    assert FLOOR_DBFS <= rms_dbfs(pcm_of(samples)) <= peak_dbfs + 1e-5 <= 1e-5
