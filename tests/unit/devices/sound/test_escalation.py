"""What is tried next."""

import pytest

from voiced.devices.sound.escalation import GIVE_UP_AT, STEADY_S, Ladder, Rung
from voiced.errors import Trouble


def climb(trouble, n, *, reboots=False, worked_s=0.0):
    ladder = Ladder()
    return [ladder.failed(trouble, worked_s, reboots=reboots) for _ in range(n)]


@pytest.mark.parametrize("trouble", [Trouble.ABSENT, Trouble.BUSY])
def test_a_card_that_is_not_there_is_waited_for_without_end(trouble):
    assert set(climb(trouble, 1000, reboots=True)) == {Rung.REOPEN}


def test_a_stalled_card_is_reopened_then_restarted_once_then_given_up():
    rungs = climb(Trouble.STALLED, GIVE_UP_AT, reboots=True)
    assert rungs == [Rung.REOPEN, Rung.REBOOT, *[Rung.REOPEN] * (GIVE_UP_AT - 3), Rung.GIVE_UP]
    assert Rung.REBOOT not in climb(Trouble.STALLED, GIVE_UP_AT)


def test_a_card_that_delivers_zeros_ends_no_process():
    rungs = climb(Trouble.SILENT, 50, reboots=True)
    assert rungs.count(Rung.REBOOT) == 1
    assert Rung.GIVE_UP not in rungs


def test_a_card_that_worked_for_long_has_no_past():
    rungs = climb(Trouble.STALLED, 50, reboots=True, worked_s=STEADY_S)
    assert set(rungs) == {Rung.REOPEN}
