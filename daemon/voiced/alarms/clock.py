"""Timers, alarms and reminders, kept in one file of the store until they are settled.

Timers count elapsed time, whatever happens to the clock. Alarms and reminders follow the clock, which on a
Raspberry Pi without a battery jumps by hours or years when the network sets it. One that was set while the clock
or the time zone was wrong by more than an hour is moved to the time that the user meant.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from voiced.alarms.wording import instructions
from voiced.core.events import AlarmRang
from voiced.core.moments import ON_A_DATE, ON_A_DATE_OF_A_YEAR, said_again
from voiced.errors import NotSavedError, ToolError
from voiced.lib.token_bucket import TokenBucket
from voiced.ports import Alarm, AlarmWish, Emit
from voiced.storage.state_store import StoredFile

log = logging.getLogger(__name__)

MOST = 32

AT_ONCE = MOST
SET_EVERY_S = 20.0
"""AT_ONCE may be set in a row, then one every SET_EVERY_S: an agent that sets and cancels for ever would wear out
the memory card."""

LOOK_EVERY_S = 1.0
"""How often the time of day is checked while anything waits for one: a timer does not notice that the clock is set."""

MISSED_S = 3600.0
"""An alarm that was missed by more than this, because the device was off, does not ring."""

JUMP_S = 3600.0
"""A larger jump means that the clock was wrong before; a smaller one is a correction."""

JUMP_OVER_DATES_S = 86_400.0
"""The same for an alarm on a date, which moved by mistake would ring a year late."""

_GRAIN_S = 0.001  # so that a wait never ends just before the moment


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


@dataclass(frozen=True, slots=True)
class Clocks:
    """The clocks that alarms use.

    Attributes:
        since_boot_s: Monotonic, suspend included, from the boot that `boot_id` names.
        time_of_day: With a time zone; may jump.
        boot_id: Unique for each boot.
    """

    since_boot_s: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME)
    time_of_day: Callable[[], datetime] = lambda: datetime.now(UTC)
    boot_id: str = field(default_factory=_boot_id)


Seconds = Annotated[float, msgspec.Meta(ge=0.0, le=1e10)]
HIGHEST = 2**53
"""The largest integer that every JSON parser reads exactly. After it numbers start over."""

Number = Annotated[int, msgspec.Meta(ge=1, le=HIGHEST)]
Name = Annotated[str, msgspec.Meta(max_length=400)]

YEARS = range(1969, 2300)
"""In which an alarm can be due; a clock without a battery starts in 1970."""


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the file.

    Attributes:
        number: Unique on this device.
        kind: `timer`, `alarm` or `reminder`.
        name: The user's name for it.
        at: The local time at which it rings, without a zone; None for a timer.
        lasts_s: How long a timer runs.
        boot_id: The boot in which it was set.
        due_s: When it rings, since that boot.
        due: When it rings by the clock, as known when it was set.
        day: The word with which the user named the day of `at`.
        set_at: What the clock said when it was set, corrected once the right time is known.
    """

    number: Number
    kind: Literal["timer", "alarm", "reminder"]
    name: Name
    at: Annotated[datetime, msgspec.Meta(tz=False)] | None = None
    lasts_s: Seconds = 0.0
    boot_id: Name = ""
    due_s: Seconds = 0.0
    due: Annotated[datetime, msgspec.Meta(tz=True)]
    day: Annotated[str, msgspec.Meta(max_length=20)] = ""
    set_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None

    @property
    def alarm_id(self) -> str:
        return f"{self.kind}-{self.number}"


_AllKept = Annotated[tuple[_Kept, ...], msgspec.Meta(max_length=MOST)]


def decode(content: bytes) -> tuple[_Kept, ...]:
    """Return the entries of the file.

    Raises:
        ValueError: If its content is invalid.
    """
    found: tuple[_Kept, ...] = msgspec.json.decode(content, type=_AllKept)
    if len({kept.number for kept in found}) < len(found):
        raise ValueError("two entries have the same number")
    if not all(map(_is_possible, found)):
        raise ValueError("an impossible year")
    if not all(kept.name.isprintable() for kept in found):
        raise ValueError("an invalid name")
    return tuple(map(_with_its_fold, found))


def _is_possible(kept: _Kept) -> bool:
    moments = (kept.at or kept.due, kept.due, kept.set_at or kept.due)
    return all(moment.year in YEARS for moment in moments)


def _with_its_fold(kept: _Kept) -> _Kept:
    """Restore the fold of `at` when summer time ends, which the file cannot hold, from `due`."""
    if kept.at is None or kept.due == _utc(kept.at):
        return kept
    second = kept.at.replace(fold=1)
    return msgspec.structs.replace(kept, at=second) if kept.due == _utc(second) else kept


class AlarmClock:
    """Keeps alarms in `file`, or only in memory, and rings them. Implements `Alarms` and `WakeSource`."""

    def __init__(self, file: StoredFile | None, clocks: Clocks | None = None) -> None:
        self._file = file
        self._clocks = clocks or Clocks()
        self._kept = () if file is None else file.read(decode) or ()
        self._inherited = {kept.alarm_id: self._clocks.since_boot_s() for kept in self._kept}
        self._rung: set[str] = set()
        self._last = max((kept.number for kept in self._kept), default=0)
        self._may_set = TokenBucket(AT_ONCE, SET_EVERY_S)
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()

    def now(self) -> datetime:
        return self._clocks.time_of_day().astimezone()

    async def set(self, wish: AlarmWish, /) -> Alarm:
        async with self._turn:
            if len(self._kept) >= MOST:
                raise ToolError(f"There are {MOST} timers and alarms already. Cancel one first.")
            if wait_s := self._may_set.take(self._clocks.since_boot_s()):
                raise ToolError(
                    f"Too many were set in a short time. Try again in {math.ceil(wait_s)} seconds."
                )
            kept = self._new_entry(wish)
            try:
                await self._add(kept)
            except NotSavedError as error:
                raise ToolError(
                    "I could not save it, so nothing was set: this device's disk cannot be "
                    f"written at the moment ({error.reason})."
                ) from error
        self._changed.set()
        log.info("%s was set", kept.alarm_id)
        return self._as_alarm(kept)

    def _new_entry(self, wish: AlarmWish) -> _Kept:
        self._last = self._next_number()
        now, since_boot_s = self.now(), self._clocks.since_boot_s()
        lasts_s = wish.after_s or 0.0
        due_unix_s = now.timestamp() + lasts_s
        at = None if wish.at is None else _to_come(wish.at, now)
        kept = _Kept(
            number=self._last,
            kind=wish.kind,
            name=self._unique(wish.name),
            at=at,
            lasts_s=lasts_s,
            boot_id=self._clocks.boot_id,
            due_s=since_boot_s + lasts_s,
            due=datetime.fromtimestamp(due_unix_s, UTC) if at is None else _utc(at),
            day=wish.day,
            set_at=now.astimezone(UTC),
        )
        if not _is_possible(kept):
            raise ToolError(f"This device's clock is wrong, it says {now:%Y}: nothing was set.")
        return kept

    def _next_number(self) -> int:
        taken = {kept.number for kept in self._kept}
        numbers = (n % HIGHEST + 1 for n in range(self._last, self._last + MOST + 1))
        return next(number for number in numbers if number not in taken)

    async def _add(self, kept: _Kept) -> None:
        """Add an entry once it is saved to disk.

        Raises:
            NotSavedError: If it could not be saved.
        """
        before = None
        while before is not self._kept:  # it may change during the await
            before = self._kept
            if self._file is not None:
                await self._file.save(_encode((*before, kept)))
        self._kept = (*self._kept, kept)

    def all(self) -> list[Alarm]:
        shown = [self._as_alarm(kept) for kept in self._waiting()]
        return sorted(shown, key=lambda alarm: alarm.rings_in_s)

    async def cancel(self, alarm_ids: Collection[str], /) -> None:
        async with self._turn:
            known = {kept.alarm_id for kept in self._kept}
            self._forget(alarm_ids)
            if self._file is None or known.isdisjoint(alarm_ids):
                return
            left = _encode(self._kept)
            try:
                await self._file.save(left)
            except NotSavedError as error:
                self._file.put(left)
                raise ToolError(
                    "It will not ring while this device stays on, but I could not save that "
                    f"({error.reason}): after a restart it may ring all the same."
                ) from error

    def settle(self, alarm_id: str, /) -> None:
        self._forget([alarm_id])
        self._save_soon()

    async def watch(self, emit: Emit) -> None:
        """Ring what is due until cancelled. A new watcher gets unsettled alarms again."""
        self._rung.clear()
        while True:
            self._changed.clear()
            self._ring_what_is_due(emit)
            try:
                async with asyncio.timeout(self._wait_s()):
                    await self._changed.wait()
            except TimeoutError:
                pass

    def _waiting(self) -> list[_Kept]:
        return [kept for kept in self._kept if kept.alarm_id not in self._rung]

    def _follow_the_clock(self) -> None:
        """Move alarms that were set while the local time was wrong by much, as far as that is known.

        The clock's error is known only within the boot in which the alarm was set, by comparing it with the
        time since boot. The time zone of that moment follows from `due`.
        """
        now_s, since_boot_s = self.now().timestamp(), self._clocks.since_boot_s()
        moved = []
        for kept in self._kept:
            if kept.at is None or kept.set_at is None:
                continue
            is_known = kept.boot_id == self._clocks.boot_id
            began_s = kept.set_at.timestamp() - kept.due_s
            jump = timedelta(seconds=now_s - since_boot_s - began_s if is_known else 0.0)
            zone = kept.due - _utc(kept.at)
            right = kept.set_at + jump
            wrong_s = (jump + zone).total_seconds()
            is_on_a_date = kept.day in (ON_A_DATE, ON_A_DATE_OF_A_YEAR)
            bearable_s = JUMP_OVER_DATES_S if is_on_a_date else JUMP_S
            if round(abs(wrong_s)) <= bearable_s or right.year not in YEARS:
                continue
            said = said_again(kept.at, kept.day, _local(kept.set_at) - zone, _local(right))
            at = _to_come(said, right)
            log.info(
                "%s follows the clock, which was wrong by %.1f hours", kept.alarm_id, wrong_s / 3600
            )
            moved.append(msgspec.structs.replace(kept, at=at, due=_utc(at), set_at=right))
        if moved:
            by_number = {kept.number: kept for kept in moved}
            self._kept = tuple(by_number.get(kept.number, kept) for kept in self._kept)
            self._save_soon()

    def _ring_what_is_due(self, emit: Emit) -> None:
        self._follow_the_clock()
        for kept in self._waiting():
            late_s = -self._left_s(kept)
            if late_s < 0:
                continue
            if late_s > MISSED_S and kept.alarm_id in self._inherited:
                log.warning("%s was due long ago, while the device was off", kept.alarm_id)
                self._forget([kept.alarm_id])
                self._save_soon()
                continue
            log.info("%s rings", kept.alarm_id)
            self._rung.add(kept.alarm_id)
            when = kept.lasts_s if kept.at is None else kept.at
            emit(AlarmRang(kept.alarm_id, instructions(kept.kind, kept.name, when, late_s)))

    def _left_s(self, kept: _Kept) -> float:
        """Return how much time is left; negative if it is late."""
        if kept.at is None and kept.boot_id == self._clocks.boot_id:
            return kept.due_s - self._clocks.since_boot_s()
        due = kept.due if kept.at is None else _utc(kept.at)
        left_s = (due - self._clocks.time_of_day()).total_seconds()
        if kept.at is not None:
            return left_s
        # How long the device was off is unknown until the clock is right; the time it was on is a lower limit.
        longest_s = self._inherited[kept.alarm_id] + kept.lasts_s - self._clocks.since_boot_s()
        return min(left_s, longest_s)

    def _wait_s(self) -> float | None:
        waiting = self._waiting()
        if not waiting:
            return None
        next_s = max(min(self._left_s(kept) for kept in waiting), 0.0) + _GRAIN_S
        by_hand = all(kept.at is None and kept.boot_id == self._clocks.boot_id for kept in waiting)
        return next_s if by_hand else min(next_s, LOOK_EVERY_S)

    def _as_alarm(self, kept: _Kept) -> Alarm:
        left_s = max(self._left_s(kept), 0.0)
        rings_at = datetime.fromtimestamp(self.now().timestamp() + left_s, UTC).astimezone()
        return Alarm(kept.alarm_id, kept.kind, kept.name, rings_at, left_s)

    def _unique(self, name: str) -> str:
        taken = {kept.name.casefold() for kept in self._kept}
        names = (f"{name} {n}" if n > 1 else name for n in range(1, MOST + 2))
        return next(each for each in names if not each or each.casefold() not in taken)

    def _forget(self, alarm_ids: Collection[str]) -> None:
        self._kept = tuple(kept for kept in self._kept if kept.alarm_id not in alarm_ids)
        self._changed.set()

    def _save_soon(self) -> None:
        if self._file is not None:
            self._file.put(_encode(self._kept))


def _encode(kept: tuple[_Kept, ...]) -> bytes:
    return msgspec.json.encode(kept) + b"\n"


def _local(moment: datetime) -> datetime:
    """Return a moment as local time without a zone."""
    return moment.astimezone().replace(tzinfo=None)


def _to_come(local: datetime, now: datetime) -> datetime:
    """Return a local time that occurs twice when summer time ends as its first occurrence after `now`."""
    first, second = local.replace(fold=0), local.replace(fold=1)
    return second if _utc(first) <= now < _utc(second) else first


def _utc(local: datetime) -> datetime:
    """Return a local time without a zone as UTC; one that summer time skips is an hour later."""
    return datetime.fromtimestamp(local.timestamp(), UTC)
