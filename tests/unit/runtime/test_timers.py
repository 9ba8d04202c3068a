"""Timers, alarms and reminders, as the agent sets them."""

from datetime import datetime, timedelta

import pytest

from voiced.alarms.clock import AlarmClock, Clocks
from voiced.errors import ToolError
from voiced.tools.builtin.cancel_timer import CancelTimer
from voiced.tools.builtin.list_timers import ListTimers
from voiced.tools.builtin.timers import RemindMe, SetAlarm, SetTimer

NOW = datetime(2026, 11, 22, 12).astimezone()  # a Sunday
HOUR = 3600


class House:
    def __init__(self):
        clocks = Clocks(lambda: 0.0, lambda: NOW, "boot")
        self.alarms = AlarmClock(None, clocks)

    async def set(self, tool, **arguments):
        """Set something; return what the clock knows of it."""
        answer = await tool.call(arguments, self)
        [alarm] = [each for each in self.alarms.all() if each.alarm_id == answer["id"]]
        assert answer["seconds_left"] == round(alarm.rings_in_s)
        return alarm


@pytest.mark.parametrize(
    ("arguments", "seconds"),
    [
        ({"minutes": 10}, 600),
        ({"hours": 1, "minutes": 1, "seconds": 1}, 3661),
        ({"seconds": 1}, 1),
        ({"hours": 24}, 24 * HOUR),
        ({"minutes": 1.5}, 90),
        ({"minutes": 90, "hours": None}, 5400),
        ({"minutes": "5"}, 300),
        ({"minutes": 5.0, "hours": ""}, 300),
        ({"minutes": "five", "duration": None}, 300),
        ({"duration": "five minutes"}, 300),
        ({"duration": "5 minutes", "minutes": 5}, 300),
        ({"duration": "an hour and a half", "hours": 1, "minutes": "30"}, 5400),
        ({"duration": "90 seconds", "minutes": 1.5, "hours": 0}, 90),
        ({"duration": "5 minutes", "minutes": 0}, 300),
    ],
)
async def test_a_timer_runs_as_long_as_was_said(arguments, seconds):
    alarm = await House().set(SetTimer(), **arguments)
    assert (alarm.kind, alarm.rings_in_s) == ("timer", seconds)


@pytest.mark.parametrize(
    ("arguments", "day", "time"),
    [
        ({"time": "13:00"}, 22, "13:00"),
        ({"time": "07:00"}, 23, "07:00"),
        ({"time": "12:00"}, 23, "12:00"),
        ({"time": "7:05", "date": "tomorrow"}, 23, "07:05"),
        ({"time": "23:59", "date": "today"}, 22, "23:59"),
        ({"time": "07:00", "date": "Monday"}, 23, "07:00"),
        ({"time": "13:00", "date": "sunday"}, 22, "13:00"),
        ({"time": "07:00", "date": "sunday"}, 29, "07:00"),
        ({"time": "07:00", "date": "2026-11-30"}, 30, "07:00"),
    ],
)
@pytest.mark.parametrize("tool", [SetAlarm(), RemindMe()])
async def test_an_alarm_rings_at_the_next_such_time(tool, arguments, day, time):
    alarm = await House().set(tool, **arguments, text="tea")
    assert (alarm.rings_at.day, alarm.rings_at.strftime("%H:%M")) == (day, time)


async def test_a_reminder_is_of_something_after_some_time_or_at_a_time():
    house = House()
    alarm = await house.set(RemindMe(), text="  buy\n milk\x00 ", minutes=20)
    assert (alarm.kind, alarm.name, alarm.rings_in_s) == ("reminder", "buy milk", 1200)
    alarm = await house.set(RemindMe(), text="call", time="13:00", date="today")
    assert alarm.rings_in_s == HOUR


NONSENSE = [
    (SetTimer, {}),
    (SetTimer, {"seconds": 0}),
    (SetTimer, {"seconds": 0.5}),
    (SetTimer, {"seconds": -5}),
    (SetTimer, {"hours": 25}),
    (SetTimer, {"hours": 24, "seconds": 1}),
    (SetTimer, {"minutes": "ten apples"}),
    (SetTimer, {"duration": "ten"}),
    (SetTimer, {"duration": "an hour", "minutes": 30}),
    (SetTimer, {"duration": "5 minutes", "minutes": -5}),
    (RemindMe, {"text": "tea", "duration": "5 minutes", "minutes": 6}),
    (SetTimer, {"duration": "a while"}),
    (SetTimer, {"duration": "-5 minutes"}),
    (SetTimer, {"duration": "5\x00 minutes"}),
    (SetTimer, {"duration": ["5 minutes"]}),
    (SetTimer, {"minutes": True}),
    (SetTimer, {"minutes": [1]}),
    (SetTimer, {"minutes": float("nan")}),
    (SetTimer, {"minutes": 10**400}),
    (SetTimer, {"minutes": 1, "name": 5}),
    (SetTimer, {"minutes": 1, "name": "x" * 61}),
    (SetAlarm, {}),
    (SetAlarm, {"time": "24:00"}),
    (SetAlarm, {"time": "7 in the gardens"}),
    (SetAlarm, {"time": "07:00", "date": "2026-02-30"}),
    (SetAlarm, {"time": "07:00", "date": "30 February"}),
    (SetAlarm, {"time": 700}),
    (SetAlarm, {"time": "07:00", "date": "today"}),
    (SetAlarm, {"time": "07:00", "date": "2020-01-01"}),
    (SetAlarm, {"time": "07:00", "date": "2028-01-01"}),
    (SetAlarm, {"time": "07:00", "date": "someday"}),
    (SetAlarm, {"time": "07:00", "date": ["today"]}),
    (RemindMe, {"minutes": 5}),
    (RemindMe, {"text": " ", "minutes": 5}),
    (RemindMe, {"text": "tea"}),
    (RemindMe, {"text": "tea", "minutes": 5, "time": "07:00"}),
    (RemindMe, {"text": "x" * 301, "minutes": 5}),
    (CancelTimer, {}),
    (CancelTimer, {"name": "pasta"}),
    (CancelTimer, {"name": 5}),
]


@pytest.mark.parametrize(("tool", "arguments"), NONSENSE)
async def test_nonsense_is_answered_with_a_sentence_and_sets_nothing(tool, arguments):
    house = House()
    with pytest.raises(ToolError) as caught:
        await tool().call(arguments, house)
    assert str(caught.value).endswith(".")
    assert house.alarms.all() == []


async def test_what_is_set_is_listed_the_next_one_first():
    house = House()
    await house.set(SetTimer(), minutes=70, name="roast")
    await house.set(SetAlarm(), time="13:00")
    answer = await ListTimers().call({}, house)
    assert [(each["kind"], each["name"], each["seconds_left"]) for each in answer["set"]] == [
        ("alarm", "", HOUR),
        ("timer", "roast", 70 * 60),
    ]


async def three():
    house = House()
    roast = await house.set(SetTimer(), minutes=70, name="Roast")
    await house.set(SetTimer(), minutes=10, name="roast")
    await house.set(SetAlarm(), time="13:00")
    return house, roast


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        ({"name": " ROAST "}, ["", "roast 2"]),
        ({"name": "timer-1"}, ["", "roast 2"]),
        ({"name": "roast 2"}, ["", "Roast"]),
        ({"name": "alarm"}, ["Roast", "roast 2"]),
        ({"name": "the alarm"}, ["Roast", "roast 2"]),
        ({"name": "my roast timer"}, ["", "roast 2"]),
        ({"all": True}, []),
        ({"all": "true", "name": None}, []),
        ({"name": "All"}, []),
    ],
)
async def test_what_is_meant_is_cancelled_and_nothing_else(arguments, left):
    house, _ = await three()
    await CancelTimer().call(arguments, house)
    assert sorted(each.name for each in house.alarms.all()) == left


@pytest.mark.parametrize("arguments", [{}, {"name": "timer"}, {"name": "eggs"}, {"all": False}])
async def test_nothing_is_cancelled_while_it_is_not_clear_which(arguments):
    house, _ = await three()
    with pytest.raises(ToolError):
        await CancelTimer().call(arguments, house)
    assert len(house.alarms.all()) == 3


async def test_the_agent_learns_which_there_are():
    house, _ = await three()
    for name in ("eggs", "timer"):
        with pytest.raises(ToolError, match=r"timer-2 roast 2.* timer-1 Roast"):
            await CancelTimer().call({"name": name}, house)
    for _ in range(6):
        await house.set(SetTimer(), minutes=1)
    with pytest.raises(ToolError, match=r"There are 8: timer-\d+,? .* and more\. Ask"):
        await CancelTimer().call({"name": "timer"}, house)


async def test_the_only_one_needs_no_name():
    house = House()
    await house.set(SetTimer(), minutes=1)
    answer = await CancelTimer().call({}, house)
    assert [each["kind"] for each in answer["cancelled"]] == ["timer"]
    assert house.alarms.all() == []


@pytest.mark.parametrize("tool", [SetTimer, ListTimers, CancelTimer])
async def test_a_device_without_a_clock_says_so(tool):
    house = House()
    house.alarms = None
    with pytest.raises(ToolError, match="no timers"):
        await tool().call({"minutes": 1}, house)


async def test_an_alarm_of_tomorrow_is_a_day_ahead_at_the_most():
    alarm = await House().set(SetAlarm(), time=(NOW - timedelta(minutes=1)).strftime("%H:%M"))
    assert alarm.rings_in_s <= 24 * HOUR
