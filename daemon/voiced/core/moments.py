"""Correct times of day that were named while the clock was wrong. All times are local, without a zone."""

import calendar
from datetime import date, datetime, timedelta

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

ON_A_DATE = "date"
"""The day was given as a date, not as a word such as `tomorrow`; an empty word means no day was given."""

ON_A_DATE_OF_A_YEAR = "date and year"
"""The day was given as a date with a year."""

NEXT = "next "
"""Prefix of a weekday that excludes today."""

_LEAP_YEARS_APART = 8
"""The longest gap: 2100 is no leap year, so 2104 follows 2096."""


def next_date(month: int, day: int, first: date) -> date:
    """Return the first such day on or after `first`; for 29 February, in the next leap year.

    Raises:
        ValueError: If no year has it.
    """
    for year in range(first.year, first.year + _LEAP_YEARS_APART + 1):
        if day <= calendar.monthrange(year, month)[1] and date(year, month, day) >= first:
            return date(year, month, day)
    raise ValueError(f"no year has day {day} of month {month}")


def said_again(at: datetime, day: str, wrong: datetime, right: datetime) -> datetime:
    """Return when an alarm should ring that was set while the clock was wrong.

    Args:
        at: When it was to ring, by the wrong clock.
        day: The word for the day that was said: a weekday, also after NEXT, `today`, `tomorrow`, ON_A_DATE,
            ON_A_DATE_OF_A_YEAR, or nothing for the next such time.
        wrong: What the clock said when it was set.
        right: What it should have said.
    """
    if day == ON_A_DATE_OF_A_YEAR and at > right:
        return at
    if day in (ON_A_DATE, ON_A_DATE_OF_A_YEAR):
        is_over = at.time() <= right.time()
        first = right.date() + timedelta(days=1 if is_over else 0)
        return datetime.combine(next_date(at.month, at.day, first), at.time())
    weekday = day.removeprefix(NEXT)
    if weekday in WEEKDAYS:
        n_days = (WEEKDAYS.index(weekday) - right.weekday()) % 7
        n_days = n_days or (0 if day == weekday else 7)  # "next monday" on a Monday is in a week
    elif day:
        n_days = max(0, (at.date() - wrong.date()).days)
    else:
        n_days = 0
    moment = datetime.combine(right.date() + timedelta(days=n_days), at.time())
    if moment > right:
        return moment
    return moment + timedelta(days=7 if weekday in WEEKDAYS else 1)
