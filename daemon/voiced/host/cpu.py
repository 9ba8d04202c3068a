"""Which processor cores the daemon runs on."""

import os
from contextlib import suppress


def stay_on_one_core() -> None:
    """Keep this thread, and the threads it starts from now on, on the last core it may run on.

    Sound comes 25 times a second and wakes two threads each time, of which Python lets one run. On
    one core they find warm caches and hand over without waking another: a quarter less time. The
    last core, because the first serves the interrupts of a small board.
    """
    allowed = os.sched_getaffinity(0)
    with suppress(
        OSError
    ):  # forbidden, or the core has just gone offline: it is only an optimisation
        os.sched_setaffinity(0, {max(allowed)})
