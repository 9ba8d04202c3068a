import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.audio.levels import FLOOR_DBFS, peak_dbfs, rms_dbfs


def pcm_of(samples):
    return struct.pack(f"<{len(samples)}h", *samples)


def sine(amplitude, n_frames=480):
    return pcm_of([round(amplitude * math.sin(math.tau * n / 48)) for n in range(n_frames)])


@pytest.mark.parametrize(
    ("pcm", "rms", "peak"),
    [
        (b"", FLOOR_DBFS, FLOOR_DBFS),
        (bytes(960), FLOOR_DBFS, FLOOR_DBFS),
        (pcm_of([-32768] * 320), 0.0, 0.0),
        (pcm_of([16384, -16384] * 160), -6.02, -6.02),
        (sine(32767), -3.01, 0.0),
        (sine(3277), -23.01, -20.0),
        (pcm_of([-32768] + [0] * 99), -20.0, 0.0),
        (pcm_of([1] + [0] * 99999), FLOOR_DBFS, -90.31),
    ],
)
def test_levels_are_relative_to_full_scale(pcm, rms, peak):
    assert rms_dbfs(pcm) == pytest.approx(rms, abs=0.01)
    assert peak_dbfs(pcm) == pytest.approx(peak, abs=0.01)


@given(st.lists(st.integers(-32768, 32767), max_size=400))
def test_rms_lies_between_the_floor_and_the_peak(samples):
    pcm = pcm_of(samples)
    assert FLOOR_DBFS <= rms_dbfs(pcm) <= peak_dbfs(pcm) + 1e-5 <= 1e-5
