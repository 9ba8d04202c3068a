"""A program and everything it starts: marked, kept behind the sound, and ended together.

A child can leave its process group and its session. It keeps its environment, though, and in that
there is a mark; so all of them are found in /proc, whoever their parent is by then.
"""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

MARK = "VOICED_CALL"
"""The environment variable that holds the mark."""

NICENESS = 10
DIES_FIRST = "500"
"""Above the daemon's own -500, where memory runs out."""

ALL_CORES = range(os.sysconf("SC_NPROCESSORS_CONF"))
"""The system leaves out those that are forbidden."""

DYING_S = 1.0
"""How long is waited for what was killed: what the kernel is busy with, on a dead disk perhaps, may stay."""

LOOK_EVERY_S = 0.005

_PROC = Path("/proc")
_GONE = frozenset({"Z", "X"})


class ProcessGroup:
    """What comes of one call.

    Attributes:
        mark: What `MARK` must be in its environment.
        leader: The process that was started in a session of its own; None until then.
    """

    def __init__(self) -> None:
        self.mark = token_hex(16)
        self.leader: int | None = None
        self._killed: set[int] = set()

    def started(self, leader: int) -> None:
        """Take note of the first process, and put it behind the sound."""
        self.leader = leader
        put_behind(leader)

    def end(self) -> None:
        """Kill every process of it. Takes a few milliseconds; that all will end is certain when it returns.

        A process with a deadly signal cannot fork any more, so one round without a new one is the last.
        """
        killed: set[int] = set()
        while found := {*self._members()} - killed:
            for pid in found:
                with suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            killed |= found
        self._killed |= killed

    async def ended(self) -> None:
        """Wait until what was killed has ended, for `DYING_S` at most.

        A killed process has to run once more, behind everything else, to give back its memory, files and
        ports. Cancelled, it is waited for no longer.
        """
        clock = asyncio.get_running_loop().time
        until_s = clock() + DYING_S
        while any(map(_is_there, self._killed)) and clock() < until_s:  # noqa: ASYNC110 - nobody tells of others' children
            await asyncio.sleep(LOOK_EVERY_S)

    def _members(self) -> Iterator[int]:
        stats = {pid: stat for pid in _pids() if (stat := _stat(pid)) is not None}
        ours = {self.leader}
        for pid, (_, _, session) in stats.items():
            if session == self.leader or self._is_marked(pid):
                ours.add(pid)
        grown = True
        while grown:  # children without the mark, of parents that are still there
            more = {pid for pid, (_, parent, _) in stats.items() if parent in ours} - ours
            ours |= more
            grown = bool(more)
        yield from (
            pid for pid in ours if pid in stats and (stats[pid][0] not in _GONE or _is_there(pid))
        )

    def _is_marked(self, pid: int) -> bool:
        try:
            environment = (_PROC / str(pid) / "environ").read_bytes()
        except OSError:  # another user's, or gone
            return False
        return f"{MARK}={self.mark}".encode() in environment.split(b"\0")


def put_behind(leader: int) -> None:
    """Put a process that leads a session, and what it will start, behind the sound; off its core, too."""
    with suppress(OSError):  # what the daemon starts is bound to its one core
        os.sched_setaffinity(leader, ALL_CORES)
    with suppress(OSError):  # it may be over by now
        os.setpriority(os.PRIO_PGRP, leader, NICENESS)
    with suppress(OSError):
        (_PROC / str(leader) / "oom_score_adj").write_text(DIES_FIRST)


def _pids() -> Iterator[int]:
    yield from (int(name) for name in os.listdir(_PROC) if name.isdecimal())  # noqa: PTH208 - ten times as fast


def _is_there(pid: int) -> bool:
    """Tell whether any thread of a process runs still; once the first has ended, it looks like a zombie."""
    try:
        threads = os.listdir(_PROC / str(pid) / "task")  # noqa: PTH208 - as above
    except OSError:
        return False
    return any(
        stat[0] not in _GONE for tid in threads if (stat := _stat(f"{pid}/task/{tid}")) is not None
    )


def _stat(which: int | str) -> tuple[str, int, int] | None:
    """Return state, parent and session of a process or a thread, or None if it is gone."""
    try:
        text = (_PROC / str(which) / "stat").read_text(errors="replace")
    except OSError:
        return None
    state, parent, _group, session = text.rpartition(")")[2].split()[:4]
    return state, int(parent), int(session)
