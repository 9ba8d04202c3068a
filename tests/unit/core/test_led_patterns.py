"""What a person can read off a light."""

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from voiced.core.actions import Status
from voiced.core.led_patterns import (
    OFF,
    PATTERNS,
    brightness,
    describe,
    next_change_s,
    shown,
)

STEP_S = 0.01


def seen(status, *, leaving, for_s=20.0):
    """Return how bright the light is every 10 ms."""
    n = round(for_s / STEP_S)
    return [brightness(PATTERNS[status], i * STEP_S, leaving=leaving) for i in range(n)]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (
            status,
            "none" if not PATTERNS[status].flashes else f"every {PATTERNS[status].period_s:.1f} s",
        )
        for status in Status
    ],
)
def test_the_rhythm_of_every_status_can_be_said(status, words):
    said = describe(PATTERNS[status])
    assert said.endswith(words)
    assert said.count("short") == PATTERNS[status].flashes.count(".")
    assert said.count("long") == PATTERNS[status].flashes.count("-")


def test_every_status_has_a_pattern():
    assert PATTERNS.keys() == set(Status)


@pytest.mark.parametrize("leaving", [True, False])
def test_every_status_looks_different_on_a_light_of_one_colour(leaving):
    looks = {status: tuple(seen(status, leaving=leaving)) for status in Status}
    doubled = [
        pair for pair in itertools.combinations(Status, 2) if looks[pair[0]] == looks[pair[1]]
    ]
    assert doubled == []


@pytest.mark.parametrize("status", Status)
def test_a_light_is_mostly_lit_exactly_while_sound_may_leave(status):
    dark, lit = (seen(status, leaving=leaving) for leaving in (False, True))
    assert sum(dark) / len(dark) < 0.5 < sum(lit) / len(lit)
    window = round(6.0 / STEP_S)
    for values, bright in ((dark, False), (lit, True)):
        for begin in range(0, len(values) - window, 50):
            mean = sum(values[begin : begin + window]) / window
            assert (mean > 0.5) is bright


@pytest.mark.parametrize("status", Status)
def test_a_light_with_colours_that_says_that_sound_leaves_is_never_without_colour(status):
    assert shown(PATTERNS[status], leaving=True) != OFF


def test_asleep_is_dark():
    assert not any(seen(Status.ASLEEP, leaving=False))


@given(st.sampled_from(Status), st.floats(0, 50), st.booleans())
@example(status=Status.HEARING, at_s=0.0, leaving=False)
@example(status=Status.HEARING, at_s=0.04, leaving=True)
@example(status=Status.OFFLINE, at_s=0.1, leaving=True)
def test_nothing_changes_before_it_was_said_to(status, at_s, leaving):
    pattern = PATTERNS[status]
    still_s = next_change_s(pattern, at_s)
    before = brightness(pattern, at_s, leaving=leaving)
    for share in (0.0, 0.3, 0.6, 0.95):
        later_s = at_s + share * (100.0 if still_s is None else max(still_s - 1e-6, 0.0))
        later = brightness(pattern, later_s, leaving=leaving)
        assert later == pytest.approx(before, abs=1e-3)
