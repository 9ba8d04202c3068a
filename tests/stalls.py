"""Did the machine stand still? A test against the clock proves nothing while it did, and runs again.

One thread for each processor core asks to be woken every few milliseconds and notes how late that
happens. A child process does it, so that this one's own work is not mistaken for the machine's.
"""

import mmap
import os
import struct
import subprocess
import sys
import threading
import time

import pytest

AGAINST_THE_CLOCK = (
    "tests/wire/",
    "tests/netns/",
    "tests/devices/",
    "tests/browser/",
    "tests/soak/",
    "tests/pi/",
)
AGAIN = 2
STILL_S = 0.03
"""How late a core may come; one that only this suite keeps busy comes up to 0.015 s late."""

_EVERY_S = 0.01


class StallWatch:
    """What keeps an eye on the cores, from the first test against the clock to the end."""

    def __init__(self) -> None:
        self._board = os.memfd_create("stalls")
        os.truncate(self._board, mmap.PAGESIZE)
        self._latest = mmap.mmap(self._board, mmap.PAGESIZE)
        self.child: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        """Forget what was, and look from now on."""
        if self.child is None:
            words = [sys.executable, __file__, str(self._board)]
            self.child = subprocess.Popen(
                words, pass_fds=[self._board], stdin=subprocess.PIPE, env={}
            )
        self._latest[:] = bytes(mmap.PAGESIZE)

    def worst_s(self) -> float:
        """Return how late the latest core came since `begin`."""
        n_cores = os.cpu_count() or 1
        return max(struct.unpack_from(f"{n_cores}d", self._latest))

    def stood_still(self) -> bool:
        """Return whether that was too late to judge a test by the clock."""
        return self.worst_s() > STILL_S

    def end(self) -> None:
        if self.child is not None:
            self.child.kill()
            self.child.communicate()
        self._latest.close()
        os.close(self._board)

    # What follows are pytest's hooks: the watch is a plugin.

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config, items):
        if config.getoption("--sabotage", False):
            return  # where every test is to fail
        again = pytest.mark.flaky(reruns=AGAIN, reruns_delay=1, condition=self.stood_still)
        for item in items:
            if item.nodeid.startswith(AGAINST_THE_CLOCK):
                item.add_marker(again)

    def pytest_runtest_logstart(self, nodeid):
        if nodeid.startswith(AGAINST_THE_CLOCK):
            self.begin()

    def pytest_unconfigure(self):
        self.end()


def _watch(board: int) -> None:
    latest = mmap.mmap(board, mmap.PAGESIZE)
    for core in sorted(os.sched_getaffinity(0)):
        threading.Thread(target=_watch_core, args=(core, latest), daemon=True).start()
    sys.stdin.buffer.read()  # ends with the parent


def _watch_core(core: int, latest: mmap.mmap) -> None:
    os.sched_setaffinity(0, [core])
    while True:
        asked_s = time.monotonic() + _EVERY_S
        time.sleep(_EVERY_S)
        late_s = time.monotonic() - asked_s
        if late_s > struct.unpack_from("d", latest, core * 8)[0]:
            struct.pack_into("d", latest, core * 8, late_s)


if __name__ == "__main__":
    _watch(int(sys.argv[1]))
