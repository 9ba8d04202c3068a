"""How loud a reply is heard: volume, ducking, boost."""

import numpy as np
import pytest

from voiced.audio.playout import Playout

PERIOD_BYTES = 320


def playing(level=8000, **settings):
    playout = Playout(16_000, lambda reply_id: None)
    for name, value in settings.items():
        setattr(playout, name, value)
    playout.accept("r")
    playout.feed("r", np.full(16_000, level, "<i2").tobytes(), 0.0)
    playout.finish("r")
    return playout


def pulled(playout, n=1):
    return np.frombuffer(b"".join(playout.pull(PERIOD_BYTES) for _ in range(n)), "<i2")


def test_a_ducked_reply_is_twelve_decibels_lower_and_comes_back_without_a_click():
    playout = playing()
    assert pulled(playout).tolist() == [8000] * 160
    playout.ducked = True
    ramp = pulled(playout)
    assert pulled(playout).tolist() == [2000] * 160
    playout.ducked = False
    ramp = np.concatenate((ramp, pulled(playout)))
    assert pulled(playout).tolist() == [8000] * 160
    assert np.abs(np.diff(ramp)).max() < 50


def test_ducking_spares_the_sounds_of_the_device():
    playout = playing(ducked=True)
    pulled(playout, 2)
    playout.overlay(np.full(160, 1000, "<i2").tobytes())
    assert pulled(playout).tolist() == [3000] * 160


@pytest.mark.parametrize(("level", "expected"), [(8000, 16_000), (16_000, 30_000)])
def test_a_boost_makes_it_louder_and_bends_the_peaks(level, expected):
    playout = playing(level, boost=2.0)
    pulled(playout, 2)
    assert pulled(playout).tolist() == pytest.approx([expected] * 160, abs=1000)
    assert pulled(playout).max() < 32_767


def test_the_position_counts_what_was_pulled():
    playout = playing()
    pulled(playout, 3)
    assert playout.position == 480
