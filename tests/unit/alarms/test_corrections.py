"""Alarms that were set while the clock was wrong, by little or by centuries, or the time zone was."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.unit.alarms.test_clock import TEN_MINUTES, World, at, ringing_at
from voiced.alarms.clock import HIGHEST, LOOK_EVERY_S, decode
from voiced.errors import ToolError
from voiced.ports import AlarmWish


@pytest.fixture(autouse=True)
def zone(monkeypatch):
    def moved_to(name):
        monkeypatch.setenv("TZ", name)
        time.tzset()

    moved_to("Europe/Berlin")
    yield moved_to
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("right", "rings"),
    [
        ("2026-11-22T22:45:00", "2026-11-22T22:45:00"),
        ("2026-11-22T23:00:00", "2026-11-22T23:00:00"),
        ("2026-11-22T23:00:02", "2026-11-23T22:30:00"),
        ("2026-11-22T21:30:00", "2026-11-22T22:30:00"),
        ("2026-11-22T10:00:00", "2026-11-22T22:30:00"),
    ],
)
async def test_by_an_hour_the_clock_was_corrected_and_by_more_it_was_wrong(right, rings):
    rang = await ringing_at(at("2026-11-22T22:30:00"), "2026-11-22T22:00:00", right)
    assert 0 <= (rang - datetime.fromisoformat(rings)).total_seconds() <= LOOK_EVERY_S + 0.1


async def test_a_clock_that_jumps_to_and_fro_leaves_an_alarm_where_it_was(tmp_path):
    world = World(tmp_path / "state")
    await world.clock().set(at("2026-11-22T14:00:00"))
    for hours, rings in ((3, "2026-11-23 14"), (-3, "2026-11-22 14")):
        world.day += timedelta(hours=hours)
        assert await world.rings_within(world.clock(), 0.1) == []
        [alarm] = world.clock().all()
        assert f"{alarm.rings_at:%Y-%m-%d %H}" == rings


# what the clock, in UTC, says is 22:00; name of the right zone, words for the day, when it rings there
ZONES = [
    ("Europe/Berlin", "2026-11-22T22:50:00", "", "2026-11-22 22:50"),  # by an hour: 23:00
    ("Asia/Tokyo", "2026-11-22T23:00:00", "", "2026-11-23 23:00"),  # it was 7:00 on the 23rd
    ("Asia/Tokyo", "2026-11-23T07:30:00", "tomorrow", "2026-11-24 07:30"),
    ("America/Los_Angeles", "2026-11-23T07:30:00", "tomorrow", "2026-11-23 07:30"),
    ("America/Los_Angeles", "2026-11-23T15:00:00", "", "2026-11-22 15:00"),  # it was 14:00
    ("America/Los_Angeles", "2026-11-25T15:00:00", "date", "2026-11-25 15:00"),
]


@pytest.mark.parametrize("case", ZONES, ids=str)
@pytest.mark.parametrize("is_booted", [False, True])
async def test_an_alarm_follows_a_time_zone_that_is_set_later(zone, tmp_path, case, is_booted):
    name, wanted, day, rings = case
    zone("UTC")
    world = World(tmp_path / "state")
    world.day = datetime(2026, 11, 22, 22, tzinfo=UTC)
    await world.clock().set(AlarmWish("alarm", at=datetime.fromisoformat(wanted), day=day))
    zone(name)
    if is_booted:
        world.boot(off_s=5)
    is_late = name == "Europe/Berlin"
    assert len(await world.rings_within(world.clock(), 0.1)) == is_late
    if not is_late:
        [alarm] = world.clock().all()
        assert f"{alarm.rings_at:%Y-%m-%d %H:%M}" == rings


@pytest.mark.real_time
@pytest.mark.parametrize("numbers", [[HIGHEST], [HIGHEST - 1], [1, 2, HIGHEST], [3, HIGHEST - 1]])
async def test_numbers_begin_again_after_the_highest_and_what_is_written_can_be_read(
    tmp_path, numbers
):
    world = World(tmp_path / "state")
    world.path.parent.mkdir()
    kept = {"kind": "timer", "name": "", "due": "2026-11-22T12:10:00Z"}
    world.path.write_text(json.dumps([{"number": number, **kept} for number in numbers]))
    clock = world.clock()
    for _ in range(4):
        await clock.set(TEN_MINUTES)
        decode(world.path.read_bytes())
    assert len(World(world.folder).clock().all()) == len(numbers) + 4


@pytest.mark.real_time
@pytest.mark.parametrize("year", [1969, 1970, 2298, 2299, 2300, 2500, 9998])
async def test_what_is_written_at_the_end_of_a_year_can_be_read_or_nothing_is_set(tmp_path, year):
    world = World(tmp_path / "state")
    world.day = datetime(year, 12, 31, 20, tzinfo=UTC)
    clock = world.clock()
    overrides = (AlarmWish("timer", after_s=5 * 3600), at(f"{year + 1}-01-01T07:00:00"))
    for wish in overrides:
        if year < 2299:
            await clock.set(wish)
            decode(world.path.read_bytes())
        else:
            with pytest.raises(ToolError, match=rf"clock is wrong, it says {year}"):
                await clock.set(wish)
            assert clock.all() == []
