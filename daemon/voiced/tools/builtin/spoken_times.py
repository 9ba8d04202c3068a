"""Parser of spoken durations, times and days: English words, or digits in any language.

Some agents pass on only values that were said, and compute none. So the tools take the words, like
"five minutes" or "half past seven in the evening", and compute the rest here.
"""

import math
import re
from datetime import date, datetime, timedelta
from datetime import time as time_of_day

from voiced.core.moments import NEXT, ON_A_DATE, ON_A_DATE_OF_A_YEAR, WEEKDAYS, next_date
from voiced.errors import ToolError

LONGEST = 200  # characters: more than people say for one of these

MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august", "september"),
    *("october", "november", "december"),
)
NOON_H = 12
DAY_H = 24
NIGHT_ENDS_H = 6  # earlier hours "at night" belong to the night that began on the day before

_SMALL = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"),
    "nineteen",
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_NUMBERS = {word: i for i, word in enumerate(_SMALL)} | {
    word: 10 * i for i, word in enumerate(_TENS, 2)
}
_PARTS = {"half": 0.5, "½": 0.5, "quarter": 0.25, "quarters": 0.25, "¼": 0.25, "¾": 0.75}
_TIMES = {"couple": 2, "dozen": 12, "hundred": 100}
_ARTICLES = ("a", "an")

_UNITS = {
    word: size
    for size, words in {
        1: "s sec secs second seconds sekunde sekunden seconde secondes secondi segundo segundos",
        60: "m min mins minute minutes minuten minuto minutos minuti minuut",
        3600: "h hr hrs hour hours stunde stunden heure heures hora horas ora ore uur",
    }.items()
    for word in words.split()
}
_BEFORE_DURATIONS = frozenset(["in", "for", "after"])
_AROUND_DURATIONS = frozenset(["now", "about", "around", "the"])
_AROUND_TIMES = frozenset(
    ["at", "on", "o", "clock", "oclock", "this", "the", "around", "about", "next", "uhr"]
)
_MORNING, _LATER, _NIGHT = ("am", "morning"), ("pm", "afternoon", "evening"), ("night", "tonight")
_HALVES = frozenset([*_MORNING, *_LATER, *_NIGHT])
_NAMED_HOURS = {"noon": NOON_H, "midday": NOON_H, "midnight": 0}
_THOUSANDS = r"[1-9]\d{0,2}(?:,\d{3})+(?![\d,])"
_WORD = re.compile(
    rf"{_THOUSANDS}(?:[.]\d+)?|\d+(?:[.,]\d+)?|(?<![\w.,])[.,]\d+|[^\W\d_]+|[½¼¾]|[^\s\w.,%?!'\u2019]"
)
_THOUSANDS_AHEAD = re.compile(_THOUSANDS)
_HYPHEN = re.compile(r"(?<=[^\W\d_])-(?=[^\W\d_])")
_IN_THE = re.compile(r"\bin (?:the )?(?=(?:morning|afternoon|evening|night)\b)")
_DIGITAL = re.compile(r"\b(\d{1,2})[:.h](\d{2})(?::00)?(?!\d)")


def words_of(text: str) -> list[str]:
    """Return the words, numbers and odd signs of `text` in lower case; none if it is unusable."""
    plain = (_plain(text) or "").replace("a.m.", "am").replace("p.m.", "pm")
    return _WORD.findall(_HYPHEN.sub(" ", plain))


def _plain(text: str) -> str | None:
    """Return `text` in lower case with single blanks; None if it is too long or unprintable."""
    plain = " ".join(text.casefold().split())
    return plain if len(text) <= LONGEST and plain.isprintable() else None


class Count:
    """A number, read word by word.

    Attributes:
        value: Its value so far; None before the first word.
    """

    def __init__(self) -> None:
        self.value: float | None = None
        self._article = self._joined = False

    @property
    def is_number(self) -> bool:
        """Whether it is more than an article, which counts only before a unit: "an hour"."""
        return self.value is not None and not self._article

    def take(self, word: str) -> bool:
        """Take the next word; return False if it cannot follow."""
        value, joined = self.value, self._joined
        self._joined = word == "and" or word in _ARTICLES
        if word == "and":
            return True
        if word in _ARTICLES:
            self._article = value is None
            self.value = 1.0 if value is None else value
        elif word in _PARTS:
            part = _PARTS[word]
            if value is None or self._article:
                self.value = part
            elif word.isalpha() and not joined and (word == "quarters" or value * part < 1):
                self.value = value * part  # "one half", "three quarters"
            elif word.isalpha() and not joined:
                return False
            else:
                self.value = value + part
            self._article = False
        elif word in _TIMES:
            self.value, self._article = _TIMES[word] * (1 if value is None else value), False
        elif word in _NUMBERS:
            if not (value is None or self._article or self._takes(_NUMBERS[word])):
                return False
            self.value = _NUMBERS[word] + (value or 0 if not self._article else 0)
            self._article = False
        elif word[-1].isdecimal() and (value is None or self._article):
            between = "" if _THOUSANDS_AHEAD.match(word) else "."
            self.value, self._article = float(word.replace(",", between)), False
        else:
            return False
        return True

    def _takes(self, number: int) -> bool:
        """Return whether a smaller number may follow, as in "twenty five" and "one hundred and twenty"."""
        before = self.value or 0
        if before and before % 100 == 0:
            return True
        return 20 <= before < 100 and before % 10 == 0 and 0 < number < 10  # noqa: PLR2004


def number_of(text: str) -> float | None:
    """Return the number that `text` is, or None."""
    count = Count()
    return count.value if all(map(count.take, words_of(text))) and count.is_number else None


def duration_of(text: str) -> float | None:
    """Return how many seconds `text` lasts, or None: "an hour and a half", "1h 30", "90 seconds"."""
    total_s, count, unit_s = 0.0, Count(), None
    words = words_of(text)
    for word, following in zip(words, [*words[1:], ""], strict=False):
        nothing_yet = unit_s is None and count.value is None
        if (
            word in _AROUND_DURATIONS
            or (word in _BEFORE_DURATIONS and nothing_yet)
            or (word == "of" and count.value is not None)
            or (word == "from" and following == "now")
        ):
            continue
        if word not in _UNITS:
            if not count.take(word):
                return None
        elif count.value is None:
            return None
        else:
            unit_s = _UNITS[word]
            total_s, count = total_s + count.value * unit_s, Count()
    if unit_s is None:
        return None
    if count.value is None:
        return total_s
    if not count.is_number:
        return None
    # A last number without a unit is part of the last unit, "and a half", or of the next smaller one.
    is_part = count.value < 1
    return (
        None
        if unit_s == 1 and not is_part
        else total_s + count.value * unit_s / (1 if is_part else 60)
    )


def moment_of(text: str, now: datetime, day_text: str = "") -> tuple[datetime, str] | None:
    """Return the local time that `text` names, and the word for its day; None if it names none.

    The word is a weekday, perhaps after `moments.NEXT`; `today`, `tomorrow` or the like;
    `moments.ON_A_DATE`; `moments.ON_A_DATE_OF_A_YEAR`; or empty if no day is named.

    Without a day it is the next such time. A weekday may be today. Hours are those of a 24-hour
    clock unless the text names a half of the day.

    Args:
        text: A time, and perhaps a day: "half past seven in the evening, tomorrow".
        now: The local time, without a zone.
        day_text: The day, if it was given by itself: "tomorrow", or "tomorrow evening".

    Raises:
        ToolError: If two different days are named.
    """
    said, said_of_day = _plain(text), _plain(day_text)
    if said is None or said_of_day is None:
        return None
    if not said:
        said, said_of_day = said_of_day, ""
    days = _Days(now.date())
    try:
        beside, rest = days.take(said_of_day), days.take(said)
        day, word = days.one()
        halves = _HALVES.intersection(words_of(beside))
        at = _time_of(rest, halves)
        if at is None or (_time_words(beside) and (day is None or _time_of(beside, halves) != at)):
            return None
        if day is None:
            today = datetime.combine(now.date(), at)
            return (today if today > now else today + timedelta(days=1)), word
        moment = datetime.combine(day, at)
        if days.has_night and at.hour < NIGHT_ENDS_H:  # the night that begins on that day
            is_this_night = days.is_tonight and now.hour < NIGHT_ENDS_H and moment > now
            moment += timedelta(days=0 if is_this_night else 1)
            if word.removeprefix(NEXT) in WEEKDAYS:
                word = (NEXT if word.startswith(NEXT) else "") + WEEKDAYS[moment.weekday()]
    except (ValueError, OverflowError):  # no such day
        return None
    return moment, word


class _Days:
    """The days that a text names.

    Attributes:
        has_night: One was named as its night, like "tomorrow night", which ends on the next day.
        is_tonight: It was "tonight".
    """

    def __init__(self, today: date) -> None:
        self._today = today
        self._days: list[tuple[date, str]] = []
        self._weekdays: list[str] = []
        self.has_night = self.is_tonight = False

    def take(self, text: str) -> str:
        """Collect the days in `text`; return the rest of it. Raises ValueError if there is no such day."""
        text = _ISO_DATE.sub(self._iso_date, text)
        for form in _DATES:
            text = form.sub(self._date, text)
        return _WEEKDAY.sub(self._weekday, _RELATIVE.sub(self._relative, text))

    def one(self) -> tuple[date | None, str]:
        """Return the day and its word; None and an empty word if none was named. ToolError if several."""
        found, word = self._days[0] if self._days else (None, "")
        if found is None and self._weekdays:
            word = max(self._weekdays, key=len)  # the longest: the one with `next`, if there is one
            days = (WEEKDAYS.index(word.removeprefix(NEXT)) - self._today.weekday()) % 7
            found = self._today + timedelta(days=days or (7 if word.startswith(NEXT) else 0))
        for weekday in self._weekdays:
            is_it = found is not None and WEEKDAYS[found.weekday()] == weekday.removeprefix(NEXT)
            if not is_it or (weekday.startswith(NEXT) and found == self._today):
                raise ToolError(_TWO_DAYS)
        if any(day != found for day, _ in self._days):
            raise ToolError(_TWO_DAYS)
        return found, word

    def _iso_date(self, found: re.Match[str]) -> str:
        year, month, day = map(int, found[1].split("-"))
        self._days.append((date(year, month, day), ON_A_DATE_OF_A_YEAR))
        return " "

    def _date(self, found: re.Match[str]) -> str:
        month, day = MONTHS.index(found["month"]) + 1, int(found["day"])
        if found["year"]:
            self._days.append((date(int(found["year"]), month, day), ON_A_DATE_OF_A_YEAR))
        else:
            self._days.append((next_date(month, day, self._today), ON_A_DATE))
        return " "

    def _relative(self, found: re.Match[str]) -> str:
        word, night = found["word"], found["night"] or ""
        self._days.append((self._today + timedelta(days=_AHEAD[word]), word))
        if word == "tonight":
            self.is_tonight, night = True, word
        self.has_night |= bool(night)
        return f" {night} "

    def _weekday(self, found: re.Match[str]) -> str:
        self._weekdays.append((NEXT if found["next"] else "") + found["name"])
        self.has_night |= bool(found["night"])
        return f" {found['night'] or ''} "


_TWO_DAYS = "Two different days were named. Ask the user which one is meant."
_AHEAD = {"day after tomorrow": 2, "tomorrow": 1, "today": 0, "tonight": 0}
_THIS_NIGHT = r"(?: (?P<night>night)\b)?"
_RELATIVE = re.compile(rf"\b(?P<word>{'|'.join(_AHEAD)})\b{_THIS_NIGHT}")
_WEEKDAY = re.compile(rf"\b(?P<next>next )?(?P<name>{'|'.join(WEEKDAYS)})\b{_THIS_NIGHT}")
_ISO_DATE = re.compile(r"(?<!\d)(\d{4}-\d{1,2}-\d{1,2})(?!\d)(?:t(?=\d))?")
_MONTH = rf"(?P<month>{'|'.join(MONTHS)})"
_ORDINAL = "(?:st|nd|rd|th)"
# A number after one of these words is an hour: "half past 6 august 10".
_NO_HOUR = rf"(?:(?=\d+{_ORDINAL})|(?<!\bat )(?<!\bpast )(?<!\bafter )(?<!\bto )(?<!\bbefore ))"
_DAY = rf"(?<![:.\d])(?P<day>\d{{1,2}}){_ORDINAL}?"
_YEAR = r"(?:,? (?P<year>\d{4}))?"
_DATES = (
    re.compile(rf"\b(?:the )?{_NO_HOUR}{_DAY}\.?(?: of)? {_MONTH}\b{_YEAR}"),
    re.compile(rf"\b{_MONTH} (?:the )?{_DAY}\b(?![:.]\d){_YEAR}"),
)


def _time_words(text: str) -> list[str]:
    """Return the words of a time, without filler words and the half of the day."""
    return [
        word
        for word in words_of(_IN_THE.sub(" ", text))
        if word not in _AROUND_TIMES and word not in _HALVES
    ]


def _time_of(text: str, more_halves: frozenset[str]) -> time_of_day | None:
    halves = more_halves.union(words_of(text))
    found = _hour_and_minute(text, _time_words(text))
    is_early, is_late = not halves.isdisjoint(_MORNING), not halves.isdisjoint(_LATER)
    if found is None or (is_early and is_late):
        return None
    hour, minute = found
    is_night = not halves.isdisjoint(_NIGHT)
    if is_early and hour == NOON_H:
        hour = 0
    elif is_early and is_night and hour >= NIGHT_ENDS_H:
        return None
    elif is_late and hour < NOON_H:
        hour += NOON_H
    elif is_night:  # one at night is early, eleven is late
        hour = (hour + NOON_H) % DAY_H if NIGHT_ENDS_H <= hour <= NOON_H else hour
    return time_of_day(hour, minute) if 0 <= hour < DAY_H and 0 <= minute < 60 else None  # noqa: PLR2004


def _hour_and_minute(text: str, words: list[str]) -> tuple[int, int] | None:
    if found := _DIGITAL.search(text):
        beside = _time_words(text[: found.start()] + " " + text[found.end() :])
        said = int(found[1]), int(found[2])
        return said if not beside else _named_hour(beside) if said == (NOON_H, 0) else None
    for i, word in enumerate(words):
        if word in ("past", "after", "to", "before"):
            return _beside_the_hour(
                words[:i], words[i + 1 :], -1 if word in ("to", "before") else 1
            )
    if words[:-1] in ([], ["12"], ["twelve"]) and (named := _named_hour(words[-1:])):
        return named
    return _digits_or_words(words)


def _named_hour(words: list[str]) -> tuple[int, int] | None:
    return (_NAMED_HOURS[words[0]], 0) if len(words) == 1 and words[0] in _NAMED_HOURS else None


def _beside_the_hour(minutes: list[str], hour: list[str], sign: int) -> tuple[int, int] | None:
    """Return the time in "ten past seven" or "a quarter to eight"."""
    of_hour = {"half": 30, "quarter": 15}
    count = [word for word in minutes if word not in ("minute", "minutes", *_ARTICLES)]
    minute = of_hour.get(count[0]) if len(count) == 1 else None
    said = minute if minute is not None else _whole(count)
    full = _NAMED_HOURS.get(hour[0]) if len(hour) == 1 else None
    full = _whole(hour) if full is None else full
    if said is None or full is None or not 0 < said < 60:  # noqa: PLR2004
        return None
    return divmod((full * 60 + sign * said) % (DAY_H * 60), 60)


def _digits_or_words(words: list[str]) -> tuple[int, int] | None:
    """Return the time in "seven", "seven thirty", "seven oh five" or "0730"."""
    whole = _whole(words)
    if whole is not None:
        if whole < 100:  # noqa: PLR2004
            return whole, 0
        digits = words[0].isdecimal() and len(words[0]) == len("0730")
        military = digits or words[0].isalpha()
        return divmod(whole, 100) if military else None
    for i in range(1, len(words)):
        minutes = words[i + 1 :] if words[i] == "oh" else words[i:]
        hour, minute = _whole(words[:i]), _whole(minutes)
        if hour is not None and minute is not None and (minute >= 10 or words[i] == "oh"):  # noqa: PLR2004
            return hour, minute
    return None


def _whole(words: list[str]) -> int | None:
    """Return the whole number that `words` name, or None."""
    count = Count()
    if "and" in words or not all(map(count.take, words)) or not count.is_number:
        return None
    value = count.value
    return (
        int(value) if value is not None and math.isfinite(value) and value == int(value) else None
    )
