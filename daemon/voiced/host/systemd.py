"""systemd notifications, if systemd started us: readiness, status and watchdog."""

import asyncio
import logging
from collections.abc import Callable
from importlib import import_module
from time import clock_gettime_ns, monotonic

from voiced.core.actions import Status
from voiced.errors import SoundFault
from voiced.lib.environment import variable
from voiced.lib.printable import shown
from voiced.runtime.pipes import Progress

log = logging.getLogger(__name__)

Notify = Callable[[str], object]
"""Sends lines to systemd, as `sd_notify(3)` does."""

LOOK_EVERY_S = 0.1
"""How often to check whether the sound devices are open, until that is known."""

FEEDINGS = 4
"""Watchdog messages per watchdog timeout."""

MONOTONIC = 1
"""CLOCK_MONOTONIC, the clock of MONOTONIC_USEC in `sd_notify(3)`."""


def notifier() -> Notify | None:
    """Return what sends messages to systemd, or None if it does not listen."""
    if variable("NOTIFY_SOCKET") is None:
        return None
    notify: Notify = import_module("systemd.daemon").notify
    return notify


def feeding_s() -> float | None:
    """Return how often to feed systemd's watchdog in seconds, or None if it has none."""
    given = variable("WATCHDOG_USEC")
    return int(given) / 1e6 / FEEDINGS if given is not None and given.isdecimal() else None


def status_line(status: Status, why: str = "") -> str:
    """Return the message for a status. `why` is escaped: a line break in it would start another command."""
    return f"STATUS={status.value}{': ' if why else ''}{shown(why)}"


class SoundProgressCheck:
    """Decides from two readings whether sound moves, or has a known fault.

    A device that hangs on opening counts as stalled although the fault is known: only a new process can open it
    if its driver never returns.
    """

    def __init__(self) -> None:
        self._before: Progress | None = None

    def judge(self, now: Progress) -> bool:
        """Tell whether each direction has advanced or has a known fault."""
        before, self._before = self._before, now
        if before is None:
            return True
        hears = now.captured_periods != before.captured_periods or now.microphone is not None
        plays = now.played_frames != before.played_frames or now.speaker is not None
        hangs = SoundFault.HANGING in (now.microphone, now.speaker)
        return hears and plays and not hangs


class SystemdService:
    """Reports readiness and status to systemd, and feeds its watchdog. Implements `Indicator` and `BackgroundTask`.

    Args:
        notify: Sends messages to systemd.
        progress: Reads how far sound has come.
        feed_every_s: Interval of the watchdog messages; None sends none.
        complaint: Says what is wrong with the settings.
        cause: Says why the agent cannot be reached.
    """

    def __init__(
        self,
        notify: Notify,
        progress: Callable[[], Progress],
        feed_every_s: float | None,
        complaint: Callable[[], str] = str,
        cause: Callable[[], str] = str,
    ) -> None:
        self._notify = notify
        self._progress = progress
        self._feed_every_s = feed_every_s
        self._progress_check = SoundProgressCheck()
        self._is_well = True
        self._status = Status.BOOTING
        self._complaint, self._cause = complaint, cause
        self._fed_s: float | None = None

    @property
    def margin_s(self) -> float | None:
        """How long until systemd would restart us, in seconds; None if it would not."""
        if self._fed_s is None or self._feed_every_s is None:
            return None
        return self._fed_s + FEEDINGS * self._feed_every_s - monotonic()

    def show(self, status: Status) -> None:
        self._status = status
        self.show_again()

    def show_again(self) -> None:
        """Send the status again, because its reason has changed."""
        stopping = "STOPPING=1\n" if self._status is Status.STOPPING else ""
        why = ""
        if self._status is Status.CONFIGURATION_ERROR:
            why = self._complaint()
        elif self._status in (Status.OFFLINE, Status.REJECTED):
            why = self._cause()
        self._notify(f"{stopping}{status_line(self._status, why)}")

    def reloading(self, begun: bool, /) -> None:  # noqa: FBT001 - it is the one argument
        """Report that a reload has begun or ended."""
        at_us = clock_gettime_ns(MONOTONIC) // 1000
        self._notify(f"RELOADING=1\nMONOTONIC_USEC={at_us}" if begun else "READY=1")

    async def run(self) -> None:
        while SoundFault.UNOPENED in (self._progress().microphone, self._progress().speaker):  # noqa: ASYNC110 - it tells only when asked
            await asyncio.sleep(LOOK_EVERY_S)
        self._notify("READY=1")
        while self._feed_every_s is not None:
            self._look()
            await asyncio.sleep(self._feed_every_s)

    def _look(self) -> None:
        was_well, self._is_well = self._is_well, self._progress_check.judge(self._progress())
        if self._is_well:
            self._notify("WATCHDOG=1")
            self._fed_s = monotonic()
        # Without a message systemd restarts the daemon when its timeout has passed.
        elif was_well:
            log.error("no sound moves: waiting for systemd to restart the daemon")
