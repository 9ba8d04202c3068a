"""Timers, alarms and reminders: kept in one small file until something has come of them.

What counts time is not moved by a clock that is set; what names a time of day follows that clock, which
on a Raspberry Pi without a battery jumps by years when the network tells the time.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Annotated

import msgspec

from voiced.core.events import AlarmRang
from voiced.errors import ToolError
from voiced.host.alarm_words import instructions
from voiced.host.memory import replace_file
from voiced.ports import Alarm, AlarmWish, Emit

log = logging.getLogger(__name__)

MOST = 32

LOOK_EVERY_S = 1.0
"""How often the time of day is compared, while anything waits for one."""

MISSED_S = 3600.0
"""What the device slept through by more than this does not ring any more."""

_GRAIN_S = 0.001


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _since_boot_s() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _time_of_day() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Clocks:
    """What tells the time.

    Attributes:
        since_boot_s: Passes evenly, and begins with the boot that `boot_id` names.
        time_of_day: With a zone; may jump.
        boot_id: Another one with every boot.
    """

    since_boot_s: Callable[[], float] = _since_boot_s
    time_of_day: Callable[[], datetime] = _time_of_day
    boot_id: str = field(default_factory=_boot_id)


Seconds = Annotated[float, msgspec.Meta(ge=0.0, le=1e10)]


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the file.

    Attributes:
        number: Unique on this device.
        kind: `timer`, `alarm` or `reminder`.
        name: What the user calls it.
        at: The local time at which it rings, without a zone; None if it counts time.
        lasts_s: How much time it counts.
        boot_id: The boot in which it was set.
        due_s: When it rings, since that boot.
        due: When it rings by the time of day, as far as that was known when it was set.
    """

    number: int
    kind: str
    name: str
    at: datetime | None = None
    lasts_s: Seconds = 0.0
    boot_id: str = ""
    due_s: Seconds = 0.0
    due: datetime

    @property
    def alarm_id(self) -> str:
        return f"{self.kind}-{self.number}"


class AlarmClock:
    """Keeps what was set and has it ring. Fills `Alarms` and `WakeSource`.

    Args:
        path: The file, or None to remember in this process only.
        clocks: What tells the time.
    """

    def __init__(self, path: Path | None, clocks: Clocks | None = None) -> None:
        self._path = path
        self._clocks = clocks or Clocks()
        self._kept = self._read()
        self._inherited = {kept.alarm_id: self._clocks.since_boot_s() for kept in self._kept}
        self._rung: set[str] = set()
        self._last = max((kept.number for kept in self._kept), default=0)
        self._written = self._kept
        self._is_failing = False
        self._one_at_a_time = Lock()
        self._changed = asyncio.Event()

    def now(self) -> datetime:
        return self._clocks.time_of_day().astimezone()

    async def set(self, wish: AlarmWish, /) -> Alarm:
        if len(self._kept) >= MOST:
            raise ToolError(f"There are {MOST} timers and alarms already. Cancel one first.")
        self._last += 1
        now, since_boot_s = self.now(), self._clocks.since_boot_s()
        lasts_s = wish.after_s or 0.0
        due_unix_s = now.timestamp() + lasts_s
        kept = _Kept(
            number=self._last,
            kind=wish.kind,
            name=self._unique(wish.name),
            at=wish.at,
            lasts_s=lasts_s,
            boot_id=self._clocks.boot_id,
            due_s=since_boot_s + lasts_s,
            due=datetime.fromtimestamp(due_unix_s, UTC) if wish.at is None else _utc(wish.at),
        )
        self._kept = (*self._kept, kept)
        self._changed.set()
        await self._save()
        log.info("%s was set", kept.alarm_id)
        return self._shown(kept)

    def all(self) -> list[Alarm]:
        shown = [self._shown(kept) for kept in self._waiting()]
        return sorted(shown, key=lambda alarm: alarm.rings_in_s)

    async def cancel(self, alarm_id: str, /) -> None:
        self._forget(alarm_id)
        await self._save()

    def settle(self, alarm_id: str, /) -> None:
        self._forget(alarm_id)

    async def watch(self, emit: Emit) -> None:
        """Ring what is due until cancelled; what was not settled rings again for who watches anew."""
        self._rung.clear()
        try:
            while True:
                self._changed.clear()
                self._ring_what_is_due(emit)
                await self._save()
                try:
                    async with asyncio.timeout(self._wait_s()):
                        await self._changed.wait()
                except TimeoutError:
                    pass
        finally:
            self._write()

    def _waiting(self) -> list[_Kept]:
        return [kept for kept in self._kept if kept.alarm_id not in self._rung]

    def _ring_what_is_due(self, emit: Emit) -> None:
        for kept in self._waiting():
            late_s = -self._left_s(kept)
            if late_s < 0:
                continue
            if late_s > MISSED_S and kept.alarm_id in self._inherited:
                log.warning("%s was due while the device was off, long ago", kept.alarm_id)
                self._forget(kept.alarm_id)
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
        # Nobody knows how long the device was off until its clock is right, but it is not less.
        longest_s = self._inherited[kept.alarm_id] + kept.lasts_s - self._clocks.since_boot_s()
        return min(left_s, longest_s)

    def _wait_s(self) -> float | None:
        waiting = self._waiting()
        if not waiting:
            return None
        next_s = max(min(self._left_s(kept) for kept in waiting), 0.0) + _GRAIN_S
        by_hand = all(kept.at is None and kept.boot_id == self._clocks.boot_id for kept in waiting)
        return next_s if by_hand else min(next_s, LOOK_EVERY_S)

    def _shown(self, kept: _Kept) -> Alarm:
        left_s = max(self._left_s(kept), 0.0)
        rings_at = datetime.fromtimestamp(self.now().timestamp() + left_s, UTC).astimezone()
        return Alarm(kept.alarm_id, kept.kind, kept.name, rings_at, left_s)

    def _unique(self, name: str) -> str:
        taken = {kept.name.casefold() for kept in self._kept}
        names = (f"{name} {n}" if n > 1 else name for n in range(1, MOST + 2))
        return next(each for each in names if not each or each.casefold() not in taken)

    def _forget(self, alarm_id: str) -> None:
        self._kept = tuple(kept for kept in self._kept if kept.alarm_id != alarm_id)
        self._changed.set()

    async def _save(self) -> None:
        if self._path is not None and self._kept != self._written:
            # A disk may take long, and the sound must not wait for it.
            await asyncio.to_thread(self._write)

    def _write(self) -> None:
        """Write the file; without a disk that can be written to, tell of it.

        Thread: any.
        """
        with self._one_at_a_time:
            self._write_newest()

    def _write_newest(self) -> None:
        kept = self._kept
        if self._path is None or kept == self._written:
            return
        try:
            if kept:
                replace_file(self._path, msgspec.json.encode(kept), mode=0o600)
            else:
                self._path.unlink(missing_ok=True)
        except OSError as error:
            if not self._is_failing:
                reason = error.strerror
                log.warning("%s: timers and alarms cannot be kept: %s", self._path, reason)
            self._is_failing = True
        else:
            self._is_failing = False
            self._written = kept

    def _read(self) -> tuple[_Kept, ...]:
        if self._path is None:
            return ()
        try:
            found = msgspec.json.decode(self._path.read_bytes(), type=tuple[_Kept, ...])
            for kept in found:
                _utc(kept.at or kept.due)
        except FileNotFoundError:
            return ()
        except OSError as error:
            log.warning("%s: cannot be read: %s", self._path, error.strerror)
            return ()
        except (msgspec.DecodeError, ValueError, OverflowError):
            self._put_aside(self._path)
            return ()
        return found

    def _put_aside(self, path: Path) -> None:
        aside = path.with_suffix(".broken")
        log.error("%s: is not what was written there; timers and alarms are lost", path)
        try:
            path.replace(aside)
        except OSError as error:
            log.warning("%s: cannot be renamed: %s", path, error.strerror)


def _utc(local: datetime) -> datetime:
    """Return a local time without a zone as UTC; one that summer time skips is an hour later."""
    return datetime.fromtimestamp(local.timestamp(), UTC)
