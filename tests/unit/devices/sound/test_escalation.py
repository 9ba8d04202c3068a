"""What is tried next."""

import pytest

from voiced.devices.sound.escalation import GIVE_UP_AT, STEADY_S, Escalation, EscalationStep
from voiced.errors import SoundFault


def climb(fault, n, *, reboots=False, worked_s=0.0):
    escalation = Escalation()
    return [escalation.failed(fault, worked_s, reboots=reboots) for _ in range(n)]


@pytest.mark.parametrize("fault", [SoundFault.ABSENT, SoundFault.BUSY])
def test_a_card_that_is_not_there_is_waited_for_without_end(fault):
    assert set(climb(fault, 1000, reboots=True)) == {EscalationStep.REOPEN}


def test_a_stalled_card_is_reopened_then_restarted_once_then_given_up():
    steps = climb(SoundFault.STALLED, GIVE_UP_AT, reboots=True)
    assert steps == [
        EscalationStep.REOPEN,
        EscalationStep.REBOOT,
        *[EscalationStep.REOPEN] * (GIVE_UP_AT - 3),
        EscalationStep.GIVE_UP,
    ]
    assert EscalationStep.REBOOT not in climb(SoundFault.STALLED, GIVE_UP_AT)


def test_a_card_that_delivers_zeros_ends_no_process():
    steps = climb(SoundFault.SILENT, 50, reboots=True)
    assert steps.count(EscalationStep.REBOOT) == 1
    assert EscalationStep.GIVE_UP not in steps


def test_a_card_that_worked_for_long_has_no_past():
    steps = climb(SoundFault.STALLED, 50, reboots=True, worked_s=STEADY_S)
    assert set(steps) == {EscalationStep.REOPEN}
