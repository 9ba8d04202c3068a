"""Times that were named while the clock was wrong (moments.py)."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from voiced.core.moments import (
    NEXT,
    ON_A_DATE,
    ON_A_DATE_OF_A_YEAR,
    WEEKDAYS,
    next_date,
    said_again,
)

WRONG = datetime.fromisoformat("2026-11-22T22:00:00")  # a Sunday


@pytest.mark.parametrize(
    ("at", "day", "right", "rings"),
    [
        ("2026-11-23T07:00", "", "2026-11-26T03:00", "2026-11-26T07:00"),
        ("2026-11-23T07:00", "", "2026-11-26T07:00", "2026-11-27T07:00"),
        ("2026-11-22T23:00", "today", "2026-11-26T22:00", "2026-11-26T23:00"),
        ("2026-11-22T23:00", "today", "2026-11-26T23:30", "2026-11-27T23:00"),
        ("2026-11-23T07:00", "tomorrow", "2026-11-26T03:00", "2026-11-27T07:00"),
        ("2026-11-24T07:00", "tuesday", "2026-11-24T06:00", "2026-11-24T07:00"),
        ("2026-11-24T07:00", "tuesday", "2026-11-24T08:00", "2026-12-01T07:00"),
        ("2026-11-25T07:00", ON_A_DATE, "2026-11-30T12:00", "2027-11-25T07:00"),
        ("2026-11-25T07:00", ON_A_DATE, "2026-11-25T06:59", "2026-11-25T07:00"),
        ("2026-11-25T07:00", "next wednesday", "2026-11-25T06:00", "2026-12-02T07:00"),
        ("2026-11-25T07:00", "next wednesday", "2026-11-27T06:00", "2026-12-02T07:00"),
        ("2026-11-22T23:00", ON_A_DATE, "2026-11-30T23:30", "2027-11-22T23:00"),
    ],
)
def test_it_rings_as_if_the_clock_had_been_right(at, day, right, rings):
    found = said_again(datetime.fromisoformat(at), day, WRONG, datetime.fromisoformat(right))
    assert found == datetime.fromisoformat(rings)


@pytest.mark.parametrize(
    ("at", "day", "wrong", "right", "rings"),
    [
        ("2025-12-24T07:00", ON_A_DATE, "2025-03-01T10:00", "2026-12-20T09:00", "2026-12-24T07:00"),
        ("1970-12-24T07:00", ON_A_DATE, "1970-01-01T00:00", "2026-12-20T09:00", "2026-12-24T07:00"),
        ("2025-12-24T07:00", ON_A_DATE, "2025-03-01T10:00", "2026-12-24T07:00", "2027-12-24T07:00"),
        ("2028-06-05T07:00", ON_A_DATE, "2027-08-01T10:00", "2026-05-20T09:00", "2026-06-05T07:00"),
        ("2028-02-29T07:00", ON_A_DATE, "2027-03-01T10:00", "2028-02-29T08:00", "2032-02-29T07:00"),
        ("2024-02-29T07:00", ON_A_DATE, "2024-02-01T10:00", "2026-01-20T09:00", "2028-02-29T07:00"),
        ("2027-12-24T07:00", "date and year", "2027-03-01T10:00", "2026-05-20T09:00", "2027-12-24T07:00"),
        ("2025-12-24T07:00", "date and year", "2025-03-01T10:00", "2026-12-20T09:00", "2026-12-24T07:00"),
    ],
)  # fmt: skip
def test_a_date_keeps_its_month_and_day_and_a_year_that_was_said(at, day, wrong, right, rings):
    at, wrong, right, rings = map(datetime.fromisoformat, (at, wrong, right, rings))
    assert said_again(at, day, wrong, right) == rings


def test_a_date_that_no_year_has_is_refused():
    assert next_date(2, 29, date(2096, 3, 1)) == date(2104, 2, 29)
    with pytest.raises(ValueError, match="day 30 of month 2"):
        next_date(2, 30, date(2026, 1, 1))


MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1))  # noqa: DTZ001 - local ones
DAYS = st.sampled_from(
    [
        "",
        "today",
        "tomorrow",
        ON_A_DATE,
        ON_A_DATE_OF_A_YEAR,
        *WEEKDAYS,
        *(NEXT + each for each in WEEKDAYS),
    ]
)


@given(MOMENTS, DAYS, MOMENTS, st.timedeltas(timedelta(0), timedelta(days=366)))
@example(WRONG, "monday", WRONG, timedelta(0))
def test_it_rings_later_and_at_the_time_of_day_that_was_said(wrong, day, right, ahead):
    at = wrong + ahead
    rings = said_again(at, day, wrong, right)
    assert rings > right
    assert rings.time() == at.time()
    weekday = day.removeprefix(NEXT)
    assert weekday not in WEEKDAYS or WEEKDAYS[rings.weekday()] == weekday
    assert not day.startswith(NEXT) or rings.date() > right.date()
    if day in (ON_A_DATE, ON_A_DATE_OF_A_YEAR):
        assert (rings.month, rings.day) == (at.month, at.day)
