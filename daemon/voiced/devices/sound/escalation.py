"""What to try next on a device that is present but does not work."""

from enum import Enum

from voiced.errors import SoundFault

REBOOT_AT = 2
GIVE_UP_AT = 6
"""Consecutive failures; with the waits between them, about 15 s."""

STEADY_S = 30.0
"""After working this long, a device's failures are forgotten."""


class EscalationStep(Enum):
    """One measure of recovery."""

    REOPEN = "open it again"
    REBOOT = "restart its chip"
    GIVE_UP = "end the process, so that a new one may try"


class Escalation:
    """Counts the consecutive failures of one device."""

    def __init__(self) -> None:
        self._in_a_row = 0
        self._rebooted = False

    def failed(self, fault: SoundFault, worked_s: float, *, reboots: bool) -> EscalationStep:
        """Return what to do next.

        A device that is absent or busy is waited for without limit. One that delivers zeros may be muted by its
        own switch, so the process never ends for that.

        Args:
            fault: What is wrong with it.
            worked_s: How long it had worked before.
            reboots: Whether its chip can be restarted.
        """
        if worked_s >= STEADY_S:
            self._in_a_row, self._rebooted = 0, False
        if fault not in (SoundFault.STALLED, SoundFault.SILENT):
            return EscalationStep.REOPEN
        self._in_a_row += 1
        if self._in_a_row >= REBOOT_AT and reboots and not self._rebooted:
            self._rebooted = True
            return EscalationStep.REBOOT
        if self._in_a_row >= GIVE_UP_AT and fault is SoundFault.STALLED:
            return EscalationStep.GIVE_UP
        return EscalationStep.REOPEN
