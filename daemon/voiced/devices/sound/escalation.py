"""What to try next on a device that is there but does not work."""

from enum import Enum

from voiced.errors import Trouble

REBOOT_AT = 2
GIVE_UP_AT = 6
"""Failures in a row; with pauses and waits that is about a quarter of a minute."""

STEADY_S = 30.0
"""Having worked for so long, a device has no past."""


class Rung(Enum):
    """One measure."""

    REOPEN = "open it again"
    REBOOT = "restart its chip"
    GIVE_UP = "end the process, so that a new one may try"


class Ladder:
    """Counts the failures of one device in a row."""

    def __init__(self) -> None:
        self._in_a_row = 0
        self._rebooted = False

    def failed(self, trouble: Trouble, worked_s: float, *, reboots: bool) -> Rung:
        """Return what to do next.

        A device that is absent or in use is waited for, however long it takes. One that delivers
        zeros may just be muted by its own switch: no process is ended for that.

        Args:
            trouble: What ails it.
            worked_s: How long it had worked before.
            reboots: Whether its chip can be restarted.
        """
        if worked_s >= STEADY_S:
            self._in_a_row, self._rebooted = 0, False
        if trouble not in (Trouble.STALLED, Trouble.SILENT):
            return Rung.REOPEN
        self._in_a_row += 1
        if self._in_a_row >= REBOOT_AT and reboots and not self._rebooted:
            self._rebooted = True
            return Rung.REBOOT
        if self._in_a_row >= GIVE_UP_AT and trouble is Trouble.STALLED:
            return Rung.GIVE_UP
        return Rung.REOPEN
