"""A queue that stays short, for an agent that is silenced by sending no more."""

import numpy as np
import pytest

from voiced.audio.playout import Playout

RATE_HZ = 16_000


def sound(duration_ms):
    return np.full(RATE_HZ * duration_ms // 1000, 1000, "<i2").tobytes()


def fed(limit_ms, duration_ms, step_ms=20):
    playout = Playout(RATE_HZ, lambda reply_id: None)
    playout.limit(limit_ms)
    playout.accept("r")
    for at_ms in range(0, duration_ms, step_ms):
        playout.feed("r", sound(step_ms), at_ms / 1000)
    return playout


@pytest.mark.parametrize("duration_ms", [100, 200, 1000, 5000])
def test_no_more_than_the_limit_waits(duration_ms):
    playout = fed(200, duration_ms)
    assert playout.queued_ms == min(duration_ms, 200)
    assert playout.dropped_ms == max(0, duration_ms - 200)


def test_without_a_limit_whatever_comes_is_queued():
    playout = fed(200, 0)
    playout.limit(None)
    playout.feed("r", sound(5000), 0.0)
    assert playout.queued_ms == 5000


@pytest.mark.parametrize(("limit_ms", "starts_ms"), [(200, 100), (None, 220)])
def test_half_of_the_limit_is_held_back_at_most(limit_ms, starts_ms):
    playout = Playout(RATE_HZ, lambda reply_id: None)
    playout.limit(limit_ms)
    playout.accept("r")
    for at_ms in range(0, 600, 20):
        playout.feed("r", sound(20), at_ms / 1000)
        if any(playout.pull(640)):
            break
    assert at_ms == pytest.approx(starts_ms, abs=20)
