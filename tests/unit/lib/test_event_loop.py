"""What programs run on: threads that compute beside the loop leave the others their turn."""

import sys

import pytest

from voiced.lib import event_loop


async def interval_s():
    return sys.getswitchinterval()


def test_a_program_has_its_threads_take_turns_quickly():
    before_s = sys.getswitchinterval()
    try:
        sys.setswitchinterval(0.005)
        assert event_loop.run(interval_s()) == pytest.approx(event_loop.SWITCH_S)
    finally:
        sys.setswitchinterval(before_s)
