"""Timers, alarms and reminders: kept over restarts, and rung whatever the clocks do."""

import asyncio
import contextlib
import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.alarms import clock as alarm_clock
from voiced.alarms.clock import (
    AT_ONCE,
    LOOK_EVERY_S,
    MISSED_S,
    MOST,
    SET_EVERY_S,
    AlarmClock,
    Clocks,
)
from voiced.alarms.wording import duration, instructions
from voiced.core.events import AlarmRang
from voiced.errors import ToolError
from voiced.ports import AlarmWish
from voiced.storage.state_files import ALARMS
from voiced.storage.state_store import StateStore

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
TEN_MINUTES = AlarmWish("timer", "pasta", after_s=600)


@pytest.fixture(autouse=True)
def zone(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


class World:
    """Both clocks, in step with the event loop unless one is set."""

    def __init__(self, folder=None):
        self.folder = folder
        self.boot_id = "boot 1"
        self.uptime_s = 100.0
        self.day = NOON
        self.texts = []
        self.began_s = None

    def _passed_s(self):
        with contextlib.suppress(RuntimeError):
            now_s = asyncio.get_running_loop().time()
            self.began_s = now_s if self.began_s is None else self.began_s
            return now_s - self.began_s
        return 0.0

    def clock(self):
        """Return the clock of a process that starts now."""
        self.store = None if self.folder is None else StateStore(self.folder)
        return AlarmClock(
            None if self.store is None else self.store.open(ALARMS),
            Clocks(
                since_boot_s=lambda: self.uptime_s + self._passed_s(),
                time_of_day=lambda: self.day + timedelta(seconds=self._passed_s()),
                boot_id=self.boot_id,
            ),
        )

    @property
    def path(self):
        return self.folder / ALARMS.name

    def boot(self, off_s):
        """Lose power for so long."""
        self.boot_id += "+"
        self.uptime_s = 5.0
        self.day += timedelta(seconds=off_s)

    async def rings_within(self, clock, seconds):
        """Run `clock` for so long; return when it rang, and the ids."""
        rung = []

        def emit(event):
            assert isinstance(event, AlarmRang)
            self.texts.append(event.text)
            rung.append((round(self._passed_s() - began_s), event.alarm_id))

        began_s = self._passed_s()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await clock.watch(emit)
        if clock._file is not None:
            clock._file.write()
        return rung


@pytest.fixture
def world(tmp_path):
    return World(tmp_path / "state")


def at(text):
    return AlarmWish("alarm", "", at=datetime.fromisoformat(text))


async def test_a_timer_rings_when_its_time_has_passed_and_once():
    world = World()
    clock = world.clock()
    set_ = await clock.set(TEN_MINUTES)
    assert (set_.name, set_.rings_in_s) == ("pasta", 600)
    assert set_.rings_at == NOON + timedelta(minutes=10)
    assert await world.rings_within(clock, 2000) == [(600, set_.alarm_id)]
    assert "“pasta” for 10 minutes" in world.texts[0]
    assert clock.all() == []


async def test_several_ring_each_at_its_time():
    world = World()
    clock = world.clock()
    for minutes in (3, 1, 2):
        await clock.set(AlarmWish("timer", after_s=60 * minutes))
    await clock.set(at("2026-11-22T13:01:30"))  # half past one minute, in Berlin
    assert [round(each.rings_in_s) for each in clock.all()] == [60, 90, 120, 180]
    assert [when for when, _ in await world.rings_within(clock, 300)] == [60, 90, 120, 180]


@pytest.mark.parametrize("jump", [timedelta(days=-400), timedelta(hours=-1), timedelta(days=400)])
async def test_a_timer_counts_time_whatever_the_clock_is_set_to(jump):
    world = World()
    clock = world.clock()
    await clock.set(TEN_MINUTES)
    world.day += jump
    assert [when for when, _ in await world.rings_within(clock, 700)] == [600]


async def test_an_alarm_rings_soon_after_the_clock_was_set_past_it():
    world = World()
    world.day = datetime(1970, 1, 1, tzinfo=UTC)
    clock = world.clock()
    await clock.set(at("2026-11-22T07:00:00"))
    assert await world.rings_within(clock, 100) == []
    world.day = datetime(2026, 11, 22, 6, 0, tzinfo=UTC) - timedelta(seconds=110)
    [(when, _)] = await world.rings_within(clock, 60)
    assert 10 <= when <= 10 + LOOK_EVERY_S


async def ringing_at(wish, wrong, right, *, world=None):
    """Return the local time at which `wish` rings that was set while the clock was wrong; None within a week."""
    world = world or World()
    world.day = datetime.fromisoformat(wrong).astimezone(UTC)
    clock = world.clock()
    await clock.set(wish)
    world.day = datetime.fromisoformat(right).astimezone(UTC)
    # From here on the clock goes on evenly for days; whoever looks each second sees nothing else.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alarm_clock, "LOOK_EVERY_S", 60.0)
        [(when, _)] = await world.rings_within(clock, 8 * 86_400)
    return datetime.fromisoformat(right) + timedelta(seconds=when)


@pytest.mark.parametrize(
    ("day", "right", "rings"),
    [
        ("", "2026-11-25T22:00:00", "2026-11-26T07:00:00"),  # the next seven o'clock
        ("", "2026-11-26T03:00:00", "2026-11-26T07:00:00"),
        ("", "2026-11-10T03:00:00", "2026-11-10T07:00:00"),  # it was fast
        ("tomorrow", "2026-11-26T23:00:00", "2026-11-27T07:00:00"),
        ("monday", "2026-11-29T03:00:00", "2026-11-30T07:00:00"),
        ("date", "2027-11-22T22:00:00", "2027-11-23T07:00:00"),  # a date of the wrong clock
        ("date", "2026-11-20T22:00:00", "2026-11-23T07:00:00"),  # one that is still to come
        ("", "2026-11-23T08:00:00", "2026-11-24T07:00:00"),
        ("tomorrow", "2026-11-23T08:00:00", "2026-11-24T07:00:00"),
        ("", "2026-11-22T06:00:00", "2026-11-22T07:00:00"),
        ("date and year", "2026-11-23T08:00:00", "2026-11-23T08:00:00"),  # no year later
    ],
)
@pytest.mark.usefixtures("zone")
async def test_an_alarm_set_while_the_clock_was_wrong_by_hours_or_days_rings_when_it_was_said(
    day, right, rings
):
    wish = AlarmWish("alarm", at=datetime.fromisoformat("2026-11-23T07:00:00"), day=day)
    rang = await ringing_at(wish, "2026-11-22T22:00:00", right)
    late_s = (rang - datetime.fromisoformat(rings)).total_seconds()
    assert 0 <= late_s <= LOOK_EVERY_S + 0.1


async def test_an_alarm_that_followed_the_clock_is_kept_so_and_follows_only_once(world):
    await world.clock().set(at("2026-11-23T07:00:00"))
    world.day += timedelta(days=4)
    assert await world.rings_within(world.clock(), 0.1) == []
    [alarm] = world.clock().all()
    assert f"{alarm.rings_at:%A %H:%M:%S}" == "Friday 07:00:00"
    assert await world.rings_within(world.clock(), 0.1) == []
    assert [f"{each.rings_at:%A %H:%M:%S}" for each in world.clock().all()] == ["Friday 07:00:00"]


@pytest.mark.parametrize("set_to", ["12:59:59", "13:00:00", "13:00:20"])
async def test_an_alarm_rings_within_a_moment_of_a_clock_that_is_set_while_it_waits(set_to):
    world = World()
    clock = world.clock()
    await clock.set(at("2026-11-22T14:00:00"))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(world.rings_within(clock, 60))
        await asyncio.sleep(20.5)
        world.day = datetime.fromisoformat(f"2026-11-22T{set_to}Z") - timedelta(seconds=20.5)
    [(when, _)] = running.result()
    assert 20.5 <= when <= 22


@pytest.mark.parametrize(
    ("now", "wanted", "hours"),
    [
        ("2026-03-28T22:00:00+00:00", "2026-03-29T07:00:00", 7),  # one hour less
        ("2026-10-24T21:00:00+00:00", "2026-10-25T07:00:00", 9),  # one hour more
        ("2026-03-29T00:30:00+00:00", "2026-03-29T02:30:00", 1),  # an hour that there is not
        ("2026-10-25T00:30:00+00:00", "2026-10-25T02:45:00", 0.25),  # one that there is twice
        ("2026-10-25T01:30:00+00:00", "2026-10-25T02:45:00", 0.25),  # and the second of them
    ],
)
async def test_an_alarm_rings_at_the_local_time_across_a_change_of_summer_time(now, wanted, hours):
    world = World()
    world.day = datetime.fromisoformat(now)
    clock = world.clock()
    assert (await clock.set(at(wanted))).rings_in_s == hours * 3600


@pytest.mark.real_time
@pytest.mark.parametrize("now", ["2026-10-25T00:30:00+00:00", "2026-10-25T01:30:00+00:00"])
async def test_which_of_two_equal_hours_was_meant_survives_a_restart(world, now):
    world.day = datetime.fromisoformat(now)
    wanted = datetime.fromisoformat("2026-10-25T02:45:00")
    for day in ("", "date and year", "next sunday", "day after tomorrow"):
        await world.clock().set(AlarmWish("alarm", at=wanted, day=day))
    found = world.clock().all()
    assert [each.rings_in_s for each in found] == [pytest.approx(15 * 60, abs=10)] * 4


@pytest.mark.real_time
async def test_what_is_set_survives_a_kill(world):
    await world.clock().set(TEN_MINUTES)
    await world.clock().set(at("2026-11-22T20:00:00"))
    [timer, alarm] = world.clock().all()
    assert (timer.name, alarm.kind) == ("pasta", "alarm")
    assert alarm.rings_in_s == pytest.approx(7 * 3600, abs=5)


@pytest.mark.real_time
@pytest.mark.parametrize("jump", [timedelta(days=-400), timedelta(0), timedelta(days=400)])
async def test_a_timer_survives_a_kill_and_a_clock_jump_together(world, jump):
    await world.clock().set(TEN_MINUTES)
    world.day += jump
    world.uptime_s += 60
    [timer] = world.clock().all()
    assert timer.rings_in_s == pytest.approx(540, abs=5)


@pytest.mark.real_time
async def test_a_timer_goes_on_through_a_power_cut_by_the_time_of_day(world):
    await world.clock().set(TEN_MINUTES)
    world.boot(off_s=100)
    [timer] = world.clock().all()
    assert timer.rings_in_s == pytest.approx(500, abs=5)


@pytest.mark.real_time
async def test_a_clock_that_was_lost_with_the_power_makes_no_timer_longer(world):
    await world.clock().set(TEN_MINUTES)
    world.boot(off_s=-3 * 365 * 86_400)
    clock = world.clock()
    [timer] = clock.all()
    assert timer.rings_in_s == pytest.approx(600, abs=5)
    world.day = NOON + timedelta(minutes=9)
    [timer] = clock.all()
    assert timer.rings_in_s == pytest.approx(60, abs=5)


@pytest.mark.parametrize("wish", [TEN_MINUTES, at("2026-11-22T13:10:00")])
async def test_what_ran_out_while_the_device_was_off_rings_at_the_start_and_says_so(world, wish):
    await world.clock().set(wish)
    world.boot(off_s=600 + MISSED_S - 60)
    assert len(await world.rings_within(world.clock(), 0.2)) == 1
    assert "59 minutes late" in world.texts[0]


@pytest.mark.parametrize("wish", [TEN_MINUTES, at("2026-11-22T13:10:00")])
async def test_what_is_long_past_is_only_logged(world, wish, caplog):
    await world.clock().set(wish)
    world.boot(off_s=600 + MISSED_S + 60)
    assert await world.rings_within(world.clock(), 0.2) == []
    assert "while the device was off" in caplog.text
    assert json.loads(world.path.read_bytes()) == []


async def test_what_rang_and_was_not_settled_rings_again_after_a_kill(world):
    clock = world.clock()
    set_ = await clock.set(AlarmWish("timer", after_s=0.0))
    for again in (clock, clock, world.clock()):
        assert await world.rings_within(again, 0.2) == [(0, set_.alarm_id)]
    clock.settle(set_.alarm_id)
    assert await world.rings_within(clock, 0.2) == []
    assert world.clock().all() == []
    assert json.loads(world.path.read_bytes()) == []


@pytest.mark.real_time
async def test_what_was_cancelled_does_not_come_back(world):
    clock = world.clock()
    one, two = await clock.set(TEN_MINUTES), await clock.set(TEN_MINUTES)
    assert (one.name, two.name) == ("pasta", "pasta 2")
    await clock.cancel([one.alarm_id])
    await clock.cancel(["nonsense"])
    assert [each.name for each in world.clock().all()] == ["pasta 2"]
    await clock.cancel([two.alarm_id])
    assert world.clock().all() == []


async def test_one_that_is_cancelled_or_set_while_it_runs_is_seen_at_once():
    world = World()
    clock = world.clock()
    long = await clock.set(TEN_MINUTES)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(world.rings_within(clock, 1000))
        await asyncio.sleep(10)
        await clock.cancel([long.alarm_id])
        await clock.set(AlarmWish("timer", after_s=5))
    assert [when for when, _ in running.result()] == [15]


async def test_there_are_not_too_many():
    clock = World().clock()
    for _ in range(MOST):
        await clock.set(TEN_MINUTES)
    with pytest.raises(ToolError, match="Cancel one"):
        await clock.set(TEN_MINUTES)
    assert len({each.name for each in clock.all()}) == MOST


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff", b'[{"number": "x"}]'])
def test_a_broken_file_is_told_of_and_put_aside(world, content, caplog):
    world.path.parent.mkdir()
    world.path.write_bytes(content)
    assert world.clock().all() == []
    assert "alarms are lost" in caplog.text
    [aside] = world.folder.iterdir()
    assert aside.read_bytes() == content


@pytest.mark.parametrize(
    "wrong",
    [
        {"set_at": "0001-01-01T00:00:00Z"},
        {"lasts_s": 1e300},
        {"due_s": -1},
        {"at": "0001-01-01T00:00:00"},
        {"due": "later"},
    ],
)
def test_an_entry_that_cannot_be_is_as_broken_as_the_file(world, wrong, caplog):
    right = {"number": 1, "kind": "timer", "name": "", "due": "2026-11-22T12:10:00Z"}
    world.path.parent.mkdir()
    for entry, broken in ((right, False), (right | wrong, True)):
        world.path.write_text(json.dumps([entry]))
        assert (world.clock().all() == []) == broken
    assert "alarms are lost" in caplog.text


async def test_on_a_disk_that_cannot_be_written_nothing_is_set_and_the_agent_is_told(world, caplog):
    world.folder.write_text("not a folder")
    clock = world.clock()
    for _ in range(3):
        with pytest.raises(ToolError, match="I could not save it, so nothing was set"):
            await clock.set(TEN_MINUTES)
    assert clock.all() == []
    assert await world.rings_within(clock, 0.2) == []
    assert caplog.text.count("cannot be written") == 1


@pytest.mark.real_time
async def test_what_cannot_be_cancelled_on_the_disk_is_cancelled_here_and_the_agent_is_told(world):
    clock = world.clock()
    one = await clock.set(TEN_MINUTES)
    away = world.folder.rename(world.folder.with_name("away"))
    world.folder.write_text("not a folder")
    with pytest.raises(ToolError, match="after a restart it may ring"):
        await clock.cancel([one.alarm_id])
    assert clock.all() == []
    world.folder.unlink()
    away.rename(world.folder)
    assert len(World(world.folder).clock().all()) == 1
    world.store.flush()
    assert World(world.folder).clock().all() == []


async def test_no_log_shows_what_the_user_said(world, caplog):
    caplog.set_level("DEBUG")
    clock = world.clock()
    alarm = await clock.set(AlarmWish("reminder", "buy a ring", after_s=0.0))
    await world.rings_within(clock, 0.2)
    assert "buy a ring" in world.texts[0]
    assert "buy a ring" not in caplog.text + repr([alarm, AlarmWish("timer", "buy a ring")])


@pytest.mark.real_time
async def test_the_real_clocks_ring_within_a_moment():
    world = World()
    clock = AlarmClock(None)
    await clock.set(AlarmWish("timer", after_s=0.05))
    await clock.set(AlarmWish("alarm", at=datetime.now() + timedelta(seconds=0.1)))  # noqa: DTZ005
    assert len(await world.rings_within(clock, 0.5)) == 2


@given(st.floats(0, 1e6), st.floats(-1e6, 1e6), st.sampled_from(["timer", "alarm", "reminder"]))
def test_the_agent_is_told_in_words_whatever_rings(lasts_s, late_s, kind):
    text = instructions(kind, "tea", lasts_s, late_s)
    assert "“tea”" in text
    assert ("late" in text) == (late_s > 30)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (90, "1 minute 30 seconds"),
        (3600, "1 hour"),
        (7384, "2 hours 3 minutes"),
    ],
)
def test_a_duration_is_told_in_the_units_that_count(seconds, words):
    assert duration(seconds) == words


@pytest.mark.real_time
async def test_an_agent_that_sets_and_cancels_for_ever_does_not_wear_out_the_disk(
    world, monkeypatch
):
    clock, written = world.clock(), []
    monkeypatch.setattr(world.store, "write", lambda spec, content: written.append(content))
    for _ in range(20 * AT_ONCE):
        with contextlib.suppress(ToolError):
            await clock.cancel([(await clock.set(TEN_MINUTES)).alarm_id])
        with contextlib.suppress(ToolError):
            await clock.cancel(["timer-99999"])
    assert 0 < len(written) <= 2 * AT_ONCE
    with pytest.raises(ToolError, match=r"Try again in (19|20) seconds\."):
        await clock.set(TEN_MINUTES)
    world.uptime_s += SET_EVERY_S
    assert (await clock.set(TEN_MINUTES)).name == "pasta"
