"""A microphone that delivers nothing at all."""

import itertools

import pytest

from voiced.audio.zero_detector import LONGEST_PATIENCE_S, ZeroWatch

NOISE, ZEROS = b"\0\0\1\0" * 160, bytes(640)
PERIOD_S = 0.02


def feed(watch, pcm, for_s):
    return [n for n in range(1, round(for_s / PERIOD_S) + 1) if watch.feed(pcm, PERIOD_S)]


def test_ten_seconds_of_exact_zeros_are_a_fault():
    watch = ZeroWatch(10.0)
    assert feed(watch, ZEROS, 9.9) == []
    assert not watch.silent
    assert len(feed(watch, ZEROS, 0.2)) == 1
    assert watch.silent


def test_the_quietest_noise_is_none_and_ends_it():
    watch = ZeroWatch(10.0)
    assert feed(watch, NOISE, 60) == []
    feed(watch, ZEROS, 11)
    assert watch.silent
    assert feed(watch, NOISE, PERIOD_S) == []
    assert not watch.silent
    assert feed(watch, ZEROS, 9.9) == []


def test_a_device_that_stays_silent_is_opened_anew_more_and_more_rarely():
    at_s = [n * PERIOD_S for n in feed(ZeroWatch(10.0), ZEROS, 400)]
    pauses_s = [later - at for at, later in itertools.pairwise(at_s)]
    assert pauses_s == pytest.approx([20, 40, 60, 60, 60, 60, 60], abs=PERIOD_S)
    assert max(pauses_s) <= LONGEST_PATIENCE_S + PERIOD_S


def test_zero_patience_is_endless():
    assert feed(ZeroWatch(0.0), ZEROS, 100) == []
