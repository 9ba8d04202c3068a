"""A short local sound over whatever is playing."""

import numpy as np
import pytest

from voiced.audio.playout import Playout

N_BYTES = 320


def steady(level, n_frames):
    return np.full(n_frames, level, "<i2").tobytes()


def heard(playout, pulls):
    return np.frombuffer(b"".join(playout.pull(N_BYTES) for _ in range(pulls)), "<i2")


@pytest.fixture
def playout():
    it = Playout(16_000, lambda reply_id: None)
    it.accept("r")
    it.feed("r", steady(1000, 320), 0.0)
    it.finish("r")
    return it


def test_it_is_mixed_over_a_reply_and_ends_by_itself(playout):
    playout.overlay(steady(500, 200))
    assert heard(playout, 3).tolist() == [1500] * 200 + [1000] * 120 + [0] * 160


def test_it_is_heard_in_silence_too():
    playout = Playout(16_000, lambda reply_id: None)
    playout.overlay(steady(500, 200))
    assert heard(playout, 2).tolist() == [500] * 200 + [0] * 120
    assert not playout.sounding


def test_what_is_too_loud_together_is_bent_neither_clipped_nor_wrapped(playout):
    playout.overlay(steady(32_700, 160))
    both = heard(playout, 1)
    assert 30_000 < both.min() <= both.max() < 32_767


def test_a_new_one_replaces_one_that_still_sounds(playout):
    playout.overlay(steady(500, 320))
    playout.overlay(steady(50, 160))
    assert heard(playout, 2).tolist() == [1050] * 160 + [1000] * 160


def test_it_follows_the_volume():
    playout = Playout(16_000, lambda reply_id: None)
    playout.volume = 50
    heard(playout, 1)
    playout.overlay(steady(8000, 160))
    assert heard(playout, 1).tolist() == [1000] * 160


def test_dropping_a_reply_spares_it_and_another_speaker_forgets_it(playout):
    playout.overlay(steady(500, 320))
    playout.drop(None)
    assert heard(playout, 1).tolist() == [500] * 160
    playout.restart(48_000)
    assert not heard(playout, 1).any()


def test_the_report_of_a_reply_is_not_held_up():
    drained = []
    playout = Playout(16_000, drained.append)
    playout.accept("r")
    playout.feed("r", steady(1000, 160), 0.0)
    playout.finish("r")
    playout.overlay(steady(500, 16_000))
    heard(playout, 1)
    playout.played(160)
    assert drained == ["r"]
