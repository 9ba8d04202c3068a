"""What people say is all that a built-in tool needs: no argument has to be made up or computed."""

import contextlib
import sys
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.runtime.test_timers import NOW, House
from voiced.alarms.clock import AlarmClock, Clocks
from voiced.assembly.tools import built_in_tools
from voiced.config.schema import Settings
from voiced.core.moments import ON_A_DATE
from voiced.errors import ToolError
from voiced.tools.builtin.spoken_times import LONGEST, duration_of, moment_of, number_of

TOOLS = built_in_tools(Settings())

# tool, what the user says, what the agent passes on of it
SAID = [
    ("set_timer", "Set a pasta timer for ten minutes.", {"name": "pasta", "duration": "ten minutes"}),
    ("set_timer", "An hour and a half, please.", {"duration": "An hour and a half"}),
    ("set_alarm", "Wake me at half past seven tomorrow.", {"time": "half past seven", "date": "tomorrow"}),
    ("set_alarm", "An alarm called gym at 7 am on Monday.", {"time": "7 am", "date": "Monday", "name": "gym"}),
    ("set_alarm", "Wake me tomorrow at seven in the morning.", {"time": "tomorrow at seven in the morning"}),
    ("remind_me", "Remind me in twenty minutes to call Anna.", {"duration": "twenty minutes", "text": "call Anna"}),
    ("remind_me", "Remind me of the bins at six in the evening on 24 December.",
     {"text": "the bins", "time": "six in the evening", "date": "24 December"}),
    ("set_volume", "Set the volume to forty percent.", {"percent": "forty percent"}),
    ("set_volume", "A bit louder, please.", {"change": "A bit louder"}),
    ("set_volume", "Turn it down by 20 percent.", {"change": "Turn it down by 20 percent"}),
    ("cancel_timer", "Cancel the pasta timer.", {"name": "the pasta timer"}),
    ("cancel_timer", "Cancel all.", {"name": "all"}),
]  # fmt: skip


class Talking(House):
    volume = 50


@pytest.mark.parametrize(("tool", "said", "arguments"), SAID, ids=[said for _, said, _ in SAID])
async def test_every_argument_is_taken_as_it_occurred_in_what_was_said(tool, said, arguments):
    house = Talking()
    await TOOLS["set_timer"].call({"duration": "1 hour", "name": "pasta"}, house)
    assert all(value in said for value in arguments.values())
    await TOOLS[tool].call(arguments, house)


def test_every_parameter_of_every_tool_can_be_said():
    asked = {
        (name, key) for name, tool in TOOLS.items() for key in tool.spec.parameters["properties"]
    }
    assert asked == {(tool, key) for tool, _, arguments in SAID for key in arguments}


def test_every_parameter_takes_its_own_examples():
    for tool in TOOLS.values():
        for key, schema in tool.spec.parameters["properties"].items():
            assert schema["type"] == "string", key
            for example in schema.get("examples", ()):
                if key == "duration":
                    assert duration_of(example), example
                elif key in ("time", "date"):
                    text = example if key == "time" else f"noon {example}"
                    assert moment_of(text, NOW.replace(tzinfo=None)), example


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("five minutes", 300), ("1 hour 30 minutes", 5400), ("half an hour", 1800),
        ("90 seconds", 90), ("an hour and a half", 5400), ("one and a half hours", 5400),
        ("three quarters of an hour", 2700), ("a quarter of an hour", 900), ("1h30m", 5400),
        ("one hour thirty", 5400), ("1.5 hours", 5400), ("1,5 Stunden", 5400),
        ("twenty-five minutes", 1500), ("one hundred and twenty seconds", 120),
        ("a couple of minutes", 120), ("a dozen minutes", 720), ("½ hour", 1800),
        ("a minute and a half", 90), ("In 5 minutes from now.", 300), ("10 Minuten", 600),
        ("hundred seconds", 100), ("0 minutes 5 seconds", 5), ("a hundred and twenty seconds", 120),
        ("a hundred twenty minutes", 7200), ("an hour and a", None), ("five minutes an", None),
        ("ten", None), ("", None), ("minutes", None), ("five apples", None), ("-5 minutes", None),
        ("one five minutes", None), ("zero five minutes", None), ("1:30", None), ("5 5 minutes", None),
        ("5 seconds 30", None), ("5\nminutes", 300), ("5\x00 minutes", None), ("five minutes" + " " * LONGEST, None),
        ("1,000 seconds", 1000), ("1,500 seconds", 1500), ("1,000.5 seconds", 1000.5), ("0,500 hours", 1800),
        ("12,000 seconds", 12000), ("1,00,000 seconds", None), ("1,000,00 seconds", None),
        (".5 hours", 1800), ("in .5 hours", 1800), (",5 Stunden", 1800), ("-.5 hours", None),
        ("one half hour", 1800), ("one half of an hour", 1800), ("an hour and one half", 5400),
        ("one quarter of an hour", 900), ("three quarter hour", 2700), ("a half hour", 1800), ("1½ hours", 5400),
        ("two and half hours", 9000), ("two and a quarter hours", 8100), ("five half hours", None),
        ("two half hours", None), ("2 quarters of an hour", 1800), ("one and half hours", 5400),
        ("an hour and 5 minutes", 3900), ("five minutes and", 300), ("1 ½ hours", 5400),
        ("after ten minutes", 600), ("ten minutes from now", 600), ("three quarters of an hour from now", 2700),
        ("twenty minutes after five", None), ("twenty minutes from five", None), ("twenty minutes of five", None),
        ("twenty minutes in five", None), ("twenty minutes for five", None), ("twenty minutes past five", None),
    ],
)  # fmt: skip
def test_a_duration_lasts_as_long_as_was_said(text, seconds):
    assert duration_of(text) == seconds


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("7:30", "23 07:30"), ("half past seven in the evening", "22 19:30"), ("7 pm", "22 19:00"),
        ("7 p.m.", "22 19:00"), ("19:30", "22 19:30"), ("7.30", "23 07:30"), ("noon", "23 12:00"),
        ("midnight", "23 00:00"), ("quarter to eight", "23 07:45"), ("ten past seven", "23 07:10"),
        ("five minutes to one tomorrow", "23 00:55"), ("seven thirty", "23 07:30"),
        ("seven oh five", "23 07:05"), ("7 o'clock tonight", "22 19:00"), ("12 am", "23 00:00"),
        ("12 pm tomorrow", "23 12:00"), ("twelve at night", "23 00:00"), ("one at night", "23 01:00"),
        ("0730", "23 07:30"), ("nineteen hundred", "22 19:00"), ("twenty one thirty", "22 21:30"),
        ("8 a.m. Monday", "23 08:00"), ("7 Uhr 30", "23 07:30"), ("noon day after tomorrow", "24 12:00"),
        ("7:00 the 24th of December", "24 07:00"), ("7:00 December 24th, 2026", "24 07:00"),
        ("7:00 1 March", "01 07:00"), ("07:00 2026-11-30", "30 07:00"), ("13:00 today", "22 13:00"),
        ("24:00", None), ("7:60", None), ("25", None), ("700", None), ("twenty five", None),
        ("seven five", None), ("half past", None), ("seventy past seven", None), ("past seven", None),
        ("07:00 2026-02-30", None), ("7:00 30 February", None), ("07:00 someday", None),
        ("", None), ("five minutes", None), ("7.5", None), ("noon or so", None),
        ("a", None), ("at a", None), ("an", None), ("ten past a", None),
        ("one half", None), ("two half", None), ("seven and thirty", None), ("7 and 8", None), ("seven and", None),
    ],
)  # fmt: skip
def test_a_time_is_the_one_that_was_said(text, when):
    found = moment_of(text, datetime(2026, 11, 22, 12))  # noqa: DTZ001 - local, a Sunday
    assert (None if found is None else found[0].strftime("%d %H:%M")) == when


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("5", 5), ("forty", 40), ("twenty-five", 25), ("a hundred", 100), ("a dozen", 12), ("a half", 0.5),
        ("one hundred and one", 101), ("a hundred and one", 101), ("a", None), ("an", None), ("", None),
        ("and a", None), ("a pasta timer", None), ("1,000", 1000), (".5", 0.5), ("1,5", 1.5),
        ("one half", 0.5), ("one and a half", 1.5), ("and", None),
    ],
)  # fmt: skip
def test_a_number_is_the_one_that_was_said_and_an_article_is_none(text, number):
    assert number_of(text) == number


BLANKS = [chr(i) for i in range(sys.maxunicode + 1) if chr(i).isspace()]


@pytest.mark.parametrize("blank", BLANKS, ids=ascii)
def test_any_white_space_is_a_blank(blank):
    now = datetime(2026, 11, 22, 12)  # noqa: DTZ001 - local
    for text, day in (
        ("7:30 PM", "tomorrow"),
        ("7:30 in the evening", "next monday"),
        ("7:30", "tomorrow evening"),
    ):
        expected = moment_of(text, now, day)
        assert expected is not None
        sent, day_sent = (each.replace(" ", blank) + blank for each in (text, day))
        assert moment_of(sent, now, day_sent) == expected
        assert moment_of(blank, now, f"{sent} {day_sent}") == expected
    assert duration_of(f"{blank}1{blank}hour{blank}30") == 5400
    assert number_of(f"a{blank}hundred{blank}") == 100


@given(
    st.sampled_from(
        [("7:30 pm", "tomorrow"), ("7:30", "tomorrow evening"), ("", "7 tomorrow evening")]
    ),
    st.characters(categories=["Cc", "Cf", "Co", "Cs"]).filter(lambda char: not char.isspace()),
    st.booleans(),
    st.integers(0, 20),
)
def test_what_holds_a_character_that_cannot_be_printed_is_not_half_understood(
    said, char, in_day, i
):
    text, day = (
        each[:i] + char + each[i:] if is_it else each
        for each, is_it in zip(said, (not in_day, in_day), strict=True)
    )
    assert moment_of(text, datetime(2026, 11, 22, 12), day) is None  # noqa: DTZ001 - local
    assert duration_of(f"5 minutes{char}") is None
    assert number_of(f"5{char}") is None


class Wednesday(House):
    def __init__(self, now="2026-08-05T14:30"):
        moment = datetime.fromisoformat(now).astimezone()
        self.alarms = AlarmClock(None, Clocks(lambda: 0.0, lambda: moment, "boot"))


APART = [
    ("7", "August 6", "08-06 07:00"), ("tonight at 8", "august 5", "08-05 20:00"),
    ("half past 6", "august 10", "08-10 06:30"), ("10 to 7", "august 10", "08-10 06:50"),
    ("7 30", "august 10", "08-10 07:30"), ("at 8", "December 24", "12-24 08:00"),
    ("seven", "tomorrow evening", "08-06 19:00"), ("seven", "in the evening", "08-05 19:00"),
    ("7 pm", "this evening", "08-05 19:00"), ("", "tomorrow at seven", "08-06 07:00"),
    ("7:30 tomorrow", "tomorrow", "08-06 07:30"), ("7:30", "tomorrow at 7:30", "08-06 07:30"),
    ("at 8 December 24", "", "12-24 08:00"), ("half past 6 august 10", "", "08-10 06:30"),
    ("at the 8th of August", "seven", None), ("7", "7", None), ("7", "the 7th", None), ("7", "at 8 tomorrow", None),
    ("tomorrow", "8", None), ("7" + " " * LONGEST, "tomorrow", None), ("7", "tomorrow" + " " * LONGEST, None),
    ("7 tomorrow", "August 7", "two"), ("7 tonight", "tomorrow", "two"), ("7 friday", "saturday", "two"),
    ("7", "next wednesday", "08-12 07:00"), ("15:00", "next Wednesday", "08-12 15:00"),
    ("15:00", "wednesday", "08-05 15:00"), ("7", "wednesday", "08-12 07:00"), ("7", "next Friday", "08-07 07:00"),
    ("15:00 wednesday", "next wednesday", "08-12 15:00"), ("15:00", "next Wednesday, August 5", "two"),
    ("midnight", "tonight", "08-06 00:00"), ("12", "tonight", "08-06 00:00"),
    ("12:30 am", "tonight", "08-06 00:30"), ("1 am", "tonight", "08-06 01:00"), ("1 am tonight", "", "08-06 01:00"),
    ("1 am", "tomorrow night", "08-07 01:00"), ("8", "tomorrow night", "08-06 20:00"),
    ("1 am", "friday night", "08-08 01:00"), ("1 am", "tomorrow", "08-06 01:00"), ("7 am", "tonight", None),
    ("quarter to midnight", "tonight", "08-05 23:45"), ("quarter past noon", "", "08-06 12:15"),
    ("half past midnight", "", "08-06 00:30"), ("quarter to midnight", "", "08-05 23:45"),
    ("12 noon", "", "08-06 12:00"), ("twelve midnight", "", "08-06 00:00"), ("12:00 noon", "", "08-06 12:00"),
    ("12:30 noon", "", None), ("7 noon", "", None), ("7 am", "tomorrow evening", None),
    ("7", "Friday, August 7", "08-07 07:00"), ("7", "tomorrow, August 6", "08-06 07:00"),
    ("7", "Friday, August 14", "08-14 07:00"), ("7", "Thursday, August 7", "two"),
    ("7", "tomorrow, August 7", "two"), ("7", "tomorrow, 2026-08-06", "08-06 07:00"),
    ("07:30:00", "", "08-06 07:30"), ("07:30:15", "", None), ("2026-12-24T07:30", "", "12-24 07:30"),
    ("2026-12-24T07:30:00", "2026-12-24", "12-24 07:30"), ("7:30", "2026-12-24T07:30", "12-24 07:30"),
    ("2026-12-24T07:30Z", "", None), ("in five", "", None), ("in the five", "", None), ("1,000", "", None),
    ("9999-12-31T01:00", "friday night", None), ("7", "30 February", None), ("december 7:30", "", None),
]  # fmt: skip


@pytest.mark.parametrize(("time", "date", "rings"), APART)
async def test_a_time_and_a_day_are_read_by_themselves_and_days_agree(time, date, rings):
    house = Wednesday()
    call = TOOLS["set_alarm"].call({"time": time, "date": date}, house)
    if rings in (None, "two"):
        with pytest.raises(ToolError, match="Two different days" if rings else "Give the time"):
            await call
        assert house.alarms.all() == []
    else:
        assert (await call)["rings_at"].split(" 2026-")[1] == f"{rings}:00"


@pytest.mark.parametrize(
    ("now", "text", "rings"),
    [
        ("2026-08-05T00:30", "1 am tonight", "08-05 01:00"), ("2026-08-05T01:30", "1 am tonight", "08-06 01:00"),
        ("2026-08-05T00:30", "1 am wednesday night", "08-06 01:00"), ("2027-06-01T12:00", "noon 29 February", "02-29 12:00"),
    ],
)  # fmt: skip
def test_the_night_is_the_one_that_is_to_come_and_29_february_is_in_a_leap_year(now, text, rings):
    found = moment_of(text, datetime.fromisoformat(now))
    assert found is not None
    assert found[0].strftime("%m-%d %H:%M") == rings


def test_a_weekday_that_is_today_may_be_the_next_one():
    now = datetime(2026, 11, 22, 12)  # noqa: DTZ001 - local, a Sunday
    assert moment_of("7:00 sunday", now) == (now - timedelta(hours=5), "sunday")


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("7:00", ""), ("7:00 today", "today"), ("7:00 tonight", "tonight"), ("7:00 Tomorrow", "tomorrow"),
        ("7:00 day after tomorrow", "day after tomorrow"), ("7:00 on Friday", "friday"),
        ("7:00 2026-11-30", "date and year"), ("7:00 1 March 2027", "date and year"),
        ("7:00 next sunday", "next sunday"), ("1 am friday night", "saturday"),
        ("1 am next sunday night", "next monday"), ("1 am tomorrow night", "tomorrow"), ("7:00 Monday, November 30", ON_A_DATE), ("7:00 1 March", ON_A_DATE), ("7:00 March 1st", ON_A_DATE),
    ],
)  # fmt: skip
def test_the_word_for_the_day_is_kept(text, day):
    found = moment_of(text, datetime(2026, 11, 22, 12))  # noqa: DTZ001 - local, a Sunday
    assert found is not None
    assert found[1] == day


WORDS = [
    "a",
    "half",
    "quarter",
    "past",
    "to",
    "seven",
    "7",
    "7:30",
    "hour",
    "pm",
    "24",
    "december",
    ":",
]


@given(st.text() | st.lists(st.sampled_from(WORDS)).map(" ".join))
def test_nothing_that_is_said_breaks_it(text):
    now = datetime(2026, 2, 28, 12)  # noqa: DTZ001 - local
    for read in (duration_of, number_of, lambda said: moment_of(said, now)):
        with contextlib.suppress(ToolError):  # two days that are not the same
            read(text)
