"""A thousand devices lose the same server for ten minutes."""

import logging
from statistics import mean

import pytest

from tests.flows.fleet import Fleet

pytestmark = pytest.mark.about("assemblyai")

DEVICES = 1000

log = logging.getLogger(__name__)


@pytest.mark.uncovered
async def test_a_thousand_devices_do_not_come_back_in_a_wave():
    fleet = Fleet(DEVICES)
    went_s, came_s, back_s = await fleet.live_through(600)
    per_second = [fleet.attempts[second] for second in range(went_s, int(back_s) + 1)]
    at_first, later = per_second[:60], per_second[60:]
    returning = per_second[came_s - went_s :]
    log.info(
        "%d devices, attempts per second: first %d, peak of seconds 2 to 60 %d, then mean %.0f "
        "and peak %d, peak when the server is back %d; all back after %.0f s",
        *(DEVICES, at_first[0], max(at_first[1:]), mean(later), max(later), max(returning)),
        back_s - came_s,
    )
    assert at_first[0] <= 3 * DEVICES  # at once, after a quarter second, after half a second more
    assert max(later) <= 2.5 * mean(later)
    assert max(returning) <= 2.5 * mean(later)
    assert back_s - came_s <= 61
