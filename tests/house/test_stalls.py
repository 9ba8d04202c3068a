"""A test against the clock runs again if the machine stood still meanwhile, and only then."""

import signal
import time
from pathlib import Path

import pytest

from tests.stalls import AGAIN, STILL_S, StallWatch

pytest_plugins = ["pytester"]

HOUSE = Path(__file__).parents[2]
CONFTEST = """\
import sys
sys.path.insert(0, {house!r})
from tests.stalls import StallWatch

class Told(StallWatch):
    def stood_still(self):
        return {still}

def pytest_configure(config):
    config.pluginmanager.register(Told())
"""
FAILS = "def test_that_fails(): assert not 'in time'"


@pytest.mark.parametrize("still", [True, False])
@pytest.mark.parametrize(("folder", "against_the_clock"), [("wire", True), ("unit", False)])
def test_a_failed_test_runs_again_if_the_machine_stood_still(
    pytester, folder, against_the_clock, still
):
    pytester.makeconftest(CONFTEST.format(house=str(HOUSE), still=still))
    where = pytester.mkdir("tests") / folder
    where.mkdir()
    (where / "test_it.py").write_text(FAILS)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(failed=1)
    times = AGAIN if against_the_clock and still else 0
    assert result.parseoutcomes().get("rerun", 0) == times


def until(holds):
    """Return whether `holds()` before long; a busy machine may take its time."""
    deadline_s = time.monotonic() + 20
    while not (held := holds()) and time.monotonic() < deadline_s:
        time.sleep(0.01)
    return held


def test_a_core_that_comes_late_is_seen():
    watch = StallWatch()

    def is_calm_at_first():
        watch.begin()
        return not watch.stood_still()

    try:
        watch.begin()
        assert until(lambda: watch.worst_s() > 0)
        assert until(is_calm_at_first)
        watch.child.send_signal(signal.SIGSTOP)
        time.sleep(2 * STILL_S)
        watch.child.send_signal(signal.SIGCONT)
        assert until(watch.stood_still)
        assert until(is_calm_at_first)
    finally:
        watch.end()
