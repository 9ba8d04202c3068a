"""The daemon's use of the processor, told by a shell that starts no program.

Whatever starts on the virtual Pi is translated first, and an emulator that translates holds all of
its cores up: who looks often by starting programs measures the looking.
"""

import subprocess
import threading
import time
from typing import Self

from tests.pi.guest import Guest

# Of /proc/PID/stat, split at blanks; the daemon's name holds none. Clock ticks are 10 ms.
USER, SYSTEM = 13, 14
# `read` is the shell's own, for the files as for the pause between two looks.
LOOK = (
    "while read -r stat < /proc/{pid}/stat; do read -r up _ < /proc/uptime; "
    'echo "$up $stat"; read -r -t 0.5 && exit; done'
)


class Witness:
    """Looks at a process on the Pi twice a second while it is entered."""

    def __init__(self, guest: Guest, pid: int) -> None:
        self._command = [*guest.ssh, LOOK.format(pid=pid)]
        self._seen: list[tuple[float, float]] = []

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        while not self._seen:
            assert self._process.poll() is None, "there is no such process on the Pi"
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._thread.join()
        self._process.communicate()

    def _look(self) -> None:
        for line in self._process.stdout:
            up_s, *stat = line.split()
            self._seen.append((float(up_s), (int(stat[USER]) + int(stat[SYSTEM])) / 100))

    def percent(self, for_s: float | None = None) -> float:
        """Return the share of one core in the next seconds, or since this was entered."""
        first = 0 if for_s is None else len(self._seen) - 1
        time.sleep(for_s or 0)
        assert self._process.poll() is None, "the process on the Pi ended"
        (began_s, before_s), (ended_s, after_s) = self._seen[first], self._seen[-1]
        return 100 * (after_s - before_s) / (ended_s - began_s)
