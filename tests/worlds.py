"""A world of its own for each worker, so that tests which wait in real time can run side by side.

A worker of pytest-xdist gets a network namespace (ports, addresses and cables of another worker do not
exist in it) with a name server that knows no name, folders for what the daemon and its sound server keep,
one processor core if there are other workers, and the priority that the service has. What a test starts
inherits all of it. The cores are shared out because the daemon keeps to the last core it may use: without
that, the daemons of all workers would meet on one.
"""

import ctypes
import os
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
NICENESS = -10
"""Of the service (systemd/voiced.service)."""
NICENESS_OF_SOUND = -20
"""What is heard is measured to the millisecond, beside workers that have the service's priority."""
RESOLVER = Path("/etc/resolv.conf")
NO_SUCH_NAME = 0x8183
"""The flags of a DNS answer: recursion is available, there is no such name (RFC 1035, 4.1.1)."""
RECKONING = ("tests/unit", "tests/walks", "tests/flows", "tests/house")
"""The suites that know no clock but their own."""
SOUNDING = "tests/devices"

FOLDERS = ("HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")


def cores_of(worker: int, n_workers: int, cores: set[int]) -> set[int]:
    """Return the cores of a worker: they take turns, from the first core up; one alone has them all."""
    ordered = sorted(cores)
    return cores if n_workers == 1 else {ordered[worker % len(ordered)]}


def enter(worker: int, n_workers: int, paths: list[str], folder: Path) -> None:
    """Move this process, and what it will start, into the world of a worker.

    Args:
        worker: Its number, from 0 on.
        n_workers: How many there are.
        paths: What they test.
        folder: An empty folder of its own.
    """
    os.sched_setaffinity(0, cores_of(worker, n_workers, os.sched_getaffinity(0)))
    be_weighed_by_itself(paths)
    for name in FOLDERS:
        place = folder / name.lower()
        place.mkdir(mode=0o700)
        os.environ[name] = str(place)
    if os.geteuid() == 0:  # elsewhere tests must do with free ports
        leave_the_network(folder)


def be_weighed_by_itself(paths: list[str]) -> None:
    """Give this process a priority among all others, whatever session they are in.

    The kernel first shares its time out among sessions, and only within one by the priorities of its processes
    (sched_autogroup_enabled): a busy terminal, or tests that should give way, would get as much as this.
    """
    os.setsid()
    niceness = NICENESS_OF_SOUND if is_sound(paths) else NICENESS
    if os.sched_getscheduler(0) == os.SCHED_IDLE:
        niceness = 19
    if niceness < 0 and os.geteuid() != 0:  # only root may go before others
        return
    os.setpriority(os.PRIO_PROCESS, 0, niceness)
    group = Path("/proc/self/autogroup")
    if group.exists():
        group.write_text(str(niceness))


def leave_the_network(folder: Path) -> None:
    """Move this thread, and the threads and processes it will start, into a network with a loopback only.

    There names are asked of a server of its own, whatever the machine's network knows.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET | CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "unshare")
    (folder / "resolv.conf").write_text("nameserver 127.0.0.1\n")
    for command in (
        ["ip", "link", "set", "lo", "up"],
        ["mount", "--make-rprivate", "/"],
        ["mount", "--bind", folder / "resolv.conf", RESOLVER.resolve()],
    ):
        subprocess.run(command, check=True)
    names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    names.bind(("127.0.0.1", 53))
    threading.Thread(target=know_no_name, args=(names,), name="names", daemon=True).start()


def know_no_name(server: socket.socket) -> None:
    """Answer every question of the name service: there is no such name."""
    while True:
        asked, client = server.recvfrom(512)
        server.sendto(asked[:2] + NO_SUCH_NAME.to_bytes(2, "big") + asked[4:], client)


def is_sound(paths: list[str]) -> bool:
    """Tell whether these tests are of sound alone."""
    return all(path.startswith(SOUNDING) for path in paths)


def dealt(long: list[Any], rest: list[Any], n_workers: int) -> list[Any]:
    """Return all tests in the order in which the workers best begin with them.

    pytest-xdist's `worksteal` gives each worker a stretch of the list. Each stretch begins with its share of
    the long ones, so that none of them is what everybody waits for in the end.
    """
    size = -(-len(rest) // n_workers)
    stretches = [rest[at * size : (at + 1) * size] for at in range(n_workers)]
    return [each for at in range(n_workers) for each in [*long[at::n_workers], *stretches[at]]]


def n_workers(paths: list[str], n_cores: int) -> int:
    """Return how many workers to run these tests with.

    What reckons takes a core each. What waits in real time uses a fifth of a core on average (measured over
    wire, browser and netns): with two workers for each core half of it is left, and that is what keeps their
    timing. Sound is the most delicate: its tests have one worker for two cores.
    """
    if len(paths) == 1 and "::" in paths[0]:
        return 1
    if all(path.startswith(RECKONING) for path in paths):
        return n_cores
    if is_sound(paths):
        return max(1, n_cores // 2)
    return 2 * n_cores
