"""Sound that is too loud, bent rather than clipped."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.audio.limiter import KNEE, soft_limit


def limited(*samples):
    return np.frombuffer(soft_limit(np.array(samples, np.float32)), "<i2").tolist()


def test_what_is_not_too_loud_is_left_as_it_is():
    samples = [0.0, 1.0, -1.0, 1000.0, -20_000.0, float(int(KNEE))]
    assert limited(*samples) == samples


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=50))
def test_nothing_is_ever_clipped_wrapped_or_turned_around(samples):
    out = limited(*samples)
    assert all(abs(value) <= 32_767 for value in out)
    assert all(value * sample >= 0 for value, sample in zip(out, samples, strict=True))
    order = np.argsort(np.array(samples, np.float32), kind="stable")
    assert np.all(np.diff(np.array(out)[order]) >= 0)


def test_a_boosted_tone_has_no_edges():
    t = np.arange(4800) / 48_000
    out = np.array(limited(*(1.6 * 32_767 * np.sin(2 * np.pi * 440 * t))))
    clipped = np.clip(1.6 * 32_767 * np.sin(2 * np.pi * 440 * t), -32_768, 32_767)
    assert np.abs(np.diff(out, 2)).max() < 0.5 * np.abs(np.diff(clipped, 2)).max()


@pytest.mark.parametrize("n", [0, 1])
def test_an_empty_piece_is_fine(n):
    assert soft_limit(np.zeros(n, np.float32)) == bytes(2 * n)
