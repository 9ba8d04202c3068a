"""What every stand-in service has, whatever its protocol."""

import asyncio
from pathlib import Path
from typing import Generic, TypeVar

from agentsim.common_settings import CommonSettings
from agentsim.eventlog import EventLog
from agentsim.offload import Inline, Offload
from agentsim.timers import Timers

SettingsT = TypeVar("SettingsT", bound=CommonSettings)


class StandIn(Generic[SettingsT]):
    """What all parts of one stand-in share. Make it on a running event loop.

    Attributes:
        settings: May be changed at any time; `settings.faults` is meant to be.
        offload: Runs slow work.
        timers: Its clock is that of the loop.
        events: What happened.
        violations: How often a client broke a documented rule.
    """

    def __init__(
        self, settings: SettingsT, offload: Offload | None, events_path: Path | None
    ) -> None:
        loop = asyncio.get_running_loop()
        self.settings = settings
        self.offload = offload or Inline()
        self.timers = Timers(loop)
        self.events = EventLog(loop.time, events_path)
        self.violations = 0

    def shut_down(self, n_sessions: int) -> None:
        """Stop timers and workers, log a summary, close the log; idempotent."""
        self.timers.cancel_all()
        self.offload.close()
        self.settings.understanding.close()
        if not self.events.find("summary"):
            self.events.add("summary", sessions=n_sessions, violations=self.violations)
        self.events.close()
