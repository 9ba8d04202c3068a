"""A token bucket: how much it lets through, whatever the times."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.lib.token_bucket import TokenBucket


@given(
    st.integers(1, 50),
    st.floats(0.01, 1000),
    st.lists(st.floats(-5, 100), min_size=1, max_size=200),
)
def test_it_never_lets_through_more_than_its_capacity_and_what_time_refills(
    capacity, refill_s, waits_s
):
    bucket, now_s, passed_s, taken = TokenBucket(capacity, refill_s), 1000.0, 0.0, 0
    for wait_s in waits_s:  # a clock that goes back a little gives nothing
        now_s += wait_s
        passed_s += max(0.0, wait_s)
        taken += bucket.take(now_s) == 0
        assert taken <= capacity + passed_s / refill_s + 1e-6


def test_it_says_when_there_is_a_token_again():
    bucket = TokenBucket(2, 10)
    assert [bucket.take(0), bucket.take(0)] == [0, 0]
    assert bucket.take(4) == pytest.approx(6)
    assert bucket.take(9.99) == pytest.approx(0.01)
    assert bucket.take(10.01) == 0


def test_it_is_full_once_all_that_was_taken_is_refilled():
    bucket = TokenBucket(2, 10)
    assert bucket.is_full(0)
    bucket.take(0)
    assert not bucket.is_full(9.99)
    assert bucket.is_full(10.01)
