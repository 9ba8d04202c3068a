"""Times of day that somebody named while the clock was wrong. Pure; all times are local, without a zone."""

import calendar
from datetime import date, datetime, timedelta

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

ON_A_DATE = "date"
"""The day was named by its date, in place of a word like `tomorrow`; by nothing, it is an empty word."""

ON_A_DATE_OF_A_YEAR = "date and year"
"""The day was named by its date, and the year was said as well."""

NEXT = "next "
"""Before a weekday: not today."""

_LEAP_YEARS_APART = 8
"""Years, at the most: 2096 and 2104."""


def next_date(month: int, day: int, first: date) -> date:
    """Return the first such day that is not before `first`; 29 February is in the next year that has it.

    Raises:
        ValueError: If no year has it.
    """
    for year in range(first.year, first.year + _LEAP_YEARS_APART + 1):
        if day <= calendar.monthrange(year, month)[1] and date(year, month, day) >= first:
            return date(year, month, day)
    raise ValueError(f"no year has day {day} of month {month}")


def said_again(at: datetime, day: str, wrong: datetime, right: datetime) -> datetime:
    """Return when something rings that was set while the clock was wrong, as if it had been right.

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
        n_days = n_days or (0 if day == weekday else 7)
    elif day:
        n_days = max(0, (at.date() - wrong.date()).days)
    else:
        n_days = 0
    moment = datetime.combine(right.date() + timedelta(days=n_days), at.time())
    if moment > right:
        return moment
    return moment + timedelta(days=7 if weekday in WEEKDAYS else 1)
