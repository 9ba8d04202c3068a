"""Telling xruns once a burst, and reckoning the sound an overrun swallowed."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.devices.sound.xruns import QUIET_S, BurstLog, LostTime

PERIOD_S = 0.02


def after(n_periods, jitter=lambda i: 0.0, drift=1.0):
    """A stream that ran so long, and the time its last period was due."""
    lost_time = LostTime(PERIOD_S)
    for i in range(n_periods):
        lost_time.received(100 + (i + 1) * PERIOD_S * drift + jitter(i))
    return lost_time, 100 + n_periods * PERIOD_S * drift


@given(
    st.integers(1, 200),
    st.integers(0, 60),
    st.floats(0, 0.4 * PERIOD_S),
    st.floats(-200e-6, 200e-6),
)
def test_the_lost_periods_are_counted_to_the_period(n_before, n_lost, late_s, drift):
    lost_time, now_s = after(n_before, drift=1 + drift)
    assert lost_time.lost(now_s + (n_lost + 1) * PERIOD_S + late_s) == n_lost


def test_a_backlog_read_late_is_not_taken_for_lost_sound():
    lost_time, now_s = after(50)
    for _ in range(5):
        lost_time.received(now_s + 6 * PERIOD_S)
    assert lost_time.lost(now_s + 6 * PERIOD_S) == 0


def test_two_overruns_in_a_row_do_not_count_the_same_time_twice():
    lost_time, now_s = after(50)
    assert lost_time.lost(now_s + 11 * PERIOD_S) == 10
    lost_time.received(now_s + 11 * PERIOD_S)
    assert lost_time.lost(now_s + 12 * PERIOD_S) == 0


def test_a_slow_device_does_not_look_like_loss_after_an_hour():
    lost_time, now_s = after(180_000, drift=1 + 200e-6)
    assert lost_time.lost(now_s + 4 * PERIOD_S) == 3


def test_nothing_is_lost_before_the_first_period():
    assert LostTime(PERIOD_S).lost(5.0) == 0


@pytest.mark.parametrize("jitter_s", [0.0, 0.005])
def test_jitter_alone_loses_nothing(jitter_s):
    lost_time, now_s = after(500, jitter=lambda i: jitter_s * (i % 3))
    assert lost_time.lost(now_s + PERIOD_S + jitter_s) == 0


def test_a_burst_is_told_when_it_starts_and_summed_up_when_it_is_over(caplog):
    caplog.set_level(logging.INFO)
    burst = BurstLog("2886:001a", "underrun")
    for now_s in (1.0, 1.5, 2.0):
        burst.note(now_s)
        burst.settle(now_s)
    burst.settle(2.0 + QUIET_S - 0.1)
    assert [(r.levelname, r.message) for r in caplog.records] == [
        ("WARNING", "2886:001a: underrun")
    ]
    burst.settle(2.0 + QUIET_S)
    burst.settle(3.0 + QUIET_S)
    assert [(r.levelname, r.message) for r in caplog.records[1:]] == [
        ("INFO", "2886:001a: 3 underruns in that burst")
    ]
    burst.note(50.0)
    assert len(caplog.records) == 3
