"""systemd, if it started us: told when we are ready and what we do, and fed while all is well."""

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
"""Takes lines of `sd_notify`."""

LOOK_EVERY_S = 0.1
"""How often to look whether sound is there, until it is known."""

FEEDINGS = 4
"""In the time after which systemd would start us anew."""

MONOTONIC = 1
"""CLOCK_MONOTONIC, in which systemd wants to know when a reload began."""


def notifier() -> Notify | None:
    """Return what speaks to systemd, or None if it does not listen."""
    if variable("NOTIFY_SOCKET") is None:
        return None
    notify: Notify = import_module("systemd.daemon").notify
    return notify


def feeding_s() -> float | None:
    """Return how often systemd wants a sign of life, or None if it does not."""
    given = variable("WATCHDOG_USEC")
    return int(given) / 1e6 / FEEDINGS if given is not None and given.isdecimal() else None


def status_line(status: Status, why: str = "") -> str:
    """Return what shows systemd a status. Words in `why` cannot become a line of their own, an order."""
    return f"STATUS={status.value}{': ' if why else ''}{shown(why)}"


class SoundProgressCheck:
    """Judges from look to look whether sound moves, or is known not to.

    A device whose opening hangs counts as one that stands still, though that is known: a new process may
    open it, and this one never will if its driver does not return.
    """

    def __init__(self) -> None:
        self._before: Progress | None = None

    def judge(self, now: Progress) -> bool:
        """Tell whether each direction has advanced, or has a trouble that is known and shown."""
        before, self._before = self._before, now
        if before is None:
            return True
        hears = now.captured_periods != before.captured_periods or now.microphone is not None
        plays = now.played_frames != before.played_frames or now.speaker is not None
        hangs = SoundFault.HANGING in (now.microphone, now.speaker)
        return hears and plays and not hangs


class SystemdService:
    """Tells systemd of readiness, status and life. Implements `Indicator` and `BackgroundTask`.

    Args:
        notify: What speaks to systemd.
        progress: How far sound has come.
        feed_every_s: Between signs of life; None gives none.
        complaint: Tells what is wrong with the settings.
        cause: Tells why the agent cannot be had.
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
        """How long until systemd would start us anew, if it would."""
        if self._fed_s is None or self._feed_every_s is None:
            return None
        return self._fed_s + FEEDINGS * self._feed_every_s - monotonic()

    def show(self, status: Status) -> None:
        self._status = status
        self.show_again()

    def show_again(self) -> None:
        """Show the status once more, because there is more to say about it."""
        stopping = "STOPPING=1\n" if self._status is Status.STOPPING else ""
        why = ""
        if self._status is Status.CONFIGURATION_ERROR:
            why = self._complaint()
        elif self._status in (Status.OFFLINE, Status.REJECTED):
            why = self._cause()
        self._notify(f"{stopping}{status_line(self._status, why)}")

    def reloading(self, begun: bool, /) -> None:  # noqa: FBT001 - it is the one argument
        """Tell that the settings are being read again, or that this is over."""
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
        elif was_well:
            log.error("no sound moves: waiting for systemd to restart the daemon")
