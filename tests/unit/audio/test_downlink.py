"""The agent's sound reaches the playout whole, however it was cut."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.audio import g711
from voiced.audio.downlink import Downlink
from voiced.audio.playout import Playout
from voiced.audio.resample import Resampler
from voiced.core.pcm import Encoding, WireFormat

PCM = WireFormat(24_000)
TONE = (8_000 * np.sin(np.arange(24_000) / 10)).astype("<i2").tobytes()


def heard(playout, n_frames):
    """Return what a speaker gets of a finished reply."""
    return playout.pull(2 * n_frames)


def through_filter(pcm, source_hz, target_hz):
    resampler = Resampler(source_hz, target_hz)
    return resampler.process(pcm) + resampler.flush()


@given(st.lists(st.integers(1, 2_000), min_size=1, max_size=30))
def test_a_reply_in_pieces_sounds_as_in_one(sizes):
    playout = Playout(16_000, lambda _reply_id: None)
    downlink = Downlink(playout)
    playout.accept("r1")
    at = 0
    for size in sizes:
        downlink.take("r1", TONE[at : at + 2 * size], PCM, 0.0)
        at = min(at + 2 * size, len(TONE))
    downlink.finish("r1", 1.0)
    playout.finish("r1")
    expected = through_filter(TONE[:at], 24_000, 16_000)
    assert heard(playout, len(expected) // 2) == expected


@pytest.mark.parametrize("encoding", [Encoding.MULAW, Encoding.ALAW])
def test_telephone_codes_are_decoded(encoding):
    playout = Playout(48_000, lambda _reply_id: None)
    downlink = Downlink(playout)
    playout.accept("r1")
    payload = g711.encode(TONE[:8_000], encoding)
    downlink.take("r1", payload, WireFormat(8_000, encoding), 0.0)
    downlink.finish("r1", 1.0)
    playout.finish("r1")
    expected = through_filter(g711.decode(payload, encoding), 8_000, 48_000)
    assert heard(playout, len(expected) // 2) == expected


def test_small_pieces_wait_for_each_other():
    playout = Playout(24_000, lambda _reply_id: None)
    downlink = Downlink(playout)
    playout.accept("r1")
    for n in range(3):
        downlink.take("r1", bytes(480), PCM, n * 0.01)
        assert playout.queued_ms == 0
    downlink.take("r1", bytes(480), PCM, 0.03)
    assert playout.queued_ms == 40


def test_a_reply_that_follows_without_an_end_leaves_nothing_behind():
    playout = Playout(24_000, lambda _reply_id: None)
    downlink = Downlink(playout)
    playout.accept("r1")
    downlink.take("r1", bytes(480), PCM, 0.0)
    downlink.take("r2", bytes(480), PCM, 0.01)
    assert playout.queued_ms == 10


def test_the_end_of_another_reply_changes_nothing():
    playout = Playout(24_000, lambda _reply_id: None)
    downlink = Downlink(playout)
    playout.accept("r1")
    downlink.take("r1", bytes(480), PCM, 0.0)
    downlink.finish("r0", 0.01)
    assert playout.queued_ms == 0


def test_a_speaker_of_another_rate_is_served_at_its_rate():
    playout = Playout(24_000, lambda _reply_id: None)
    downlink = Downlink(playout)
    playout.accept("r1")
    downlink.take("r1", bytes(1_920), PCM, 0.0)
    playout.restart(48_000)
    downlink.take("r1", bytes(9_600), PCM, 0.02)
    downlink.finish("r1", 0.04)
    assert playout.queued_ms == pytest.approx(200, abs=2)


@pytest.mark.parametrize("n_pieces", [1, 2, 3, 5, 6, 7])
def test_nothing_waits_longer_than_60_ms_without_a_successor(n_pieces):
    playout = Playout(24_000, lambda _reply_id: None)
    downlink = Downlink(playout)
    playout.accept("r1")
    for n in range(n_pieces):
        downlink.take("r1", bytes(480), PCM, n * 0.01)
    newest_s = (n_pieces - 1) * 0.01
    due_s = downlink.due_s()
    assert newest_s < due_s <= newest_s + 0.06
    downlink.advance(due_s - 0.001)
    assert playout.queued_ms == n_pieces // 4 * 40
    downlink.advance(due_s)
    assert playout.queued_ms == 10 * n_pieces
    assert downlink.due_s() is None


def test_a_piece_that_has_gone_on_waits_for_nothing():
    playout = Playout(24_000, lambda _reply_id: None)
    downlink = Downlink(playout)
    assert downlink.due_s() is None
    downlink.advance(1.0)
    playout.accept("r1")
    downlink.take("r1", bytes(1_920), PCM, 0.0)
    assert downlink.due_s() is None
    downlink.take("r1", bytes(480), PCM, 0.0)
    downlink.finish("r1", 0.01)
    assert downlink.due_s() is None
