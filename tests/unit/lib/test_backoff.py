"""When a server is asked (backoff.py): many devices never in step."""

import random

import pytest

from voiced.lib.backoff import first_wait_s, next_wait_s

UNIFORM = random.Random(7).uniform


@pytest.mark.parametrize(("has_settings", "longest_s"), [(True, 300.0), (False, 5.0)])
def test_devices_that_get_power_together_ask_one_by_one(has_settings, longest_s):
    waits = [first_wait_s(300, has_settings=has_settings, uniform=UNIFORM) for _ in range(2000)]
    assert 0 <= min(waits) < 0.02 * longest_s
    assert 0.98 * longest_s < max(waits) <= longest_s


def test_a_new_device_never_waits_longer_than_it_asks():
    assert first_wait_s(2, has_settings=False, uniform=lambda low, high: high) == 2


def test_waits_are_a_fifth_longer_or_shorter():
    waits = [next_wait_s(300, 0, UNIFORM) for _ in range(2000)]
    assert 240 <= min(waits) < 242
    assert 358 < max(waits) <= 360


def test_after_failures_they_grow_to_the_interval():
    longest = [next_wait_s(300, failures, lambda low, high: high) for failures in (1, 2, 3, 7, 99)]
    shortest = [next_wait_s(300, failures, lambda low, high: low) for failures in (1, 2, 3, 7, 99)]
    assert longest == [5, 10, 20, 300, 300]
    assert shortest == [wait / 2 for wait in longest]
    assert next_wait_s(5, 3, lambda low, high: high) == 5
