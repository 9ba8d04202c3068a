"""A program and all its descendants: marked, given a lower priority than the sound, and killed together.

A child can leave its process group and its session, but it keeps its environment. A mark in there
makes it easy to find in /proc, even if its parent has ended.
"""

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from voiced.errors import LinkError
from voiced.lib.environment import variable

MARK = "VOICED_CALL"  # the environment variable that holds the mark
NICENESS = 10
DIES_FIRST = "500"  # OOM score adjustment; the daemon's own is -500
ALL_CORES = range(os.sysconf("SC_NPROCESSORS_CONF"))  # the system ignores those not allowed
DYING_S = 1.0  # a killed process may stay longer, for example in I/O on a dead disk
GRACE_S = 0.3  # for a server to end after its input closes, and again after SIGTERM
LOOK_EVERY_S = 0.005

_INHERITED = ("PATH", "LANG", "HOME", "TZ")
_PROC = Path("/proc")
_GONE = frozenset({"Z", "X"})


class ProcessGroup:
    """The processes of one call.

    Attributes:
        mark: The value that `MARK` must have in its environment.
        leader: The process that was started in a session of its own; None until then.
    """

    def __init__(self) -> None:
        self.mark = token_hex(16)
        self.leader: int | None = None
        self._killed: set[int] = set()

    def started(self, leader: int) -> None:
        """Set the first process, and lower its priority."""
        self.leader = leader
        put_behind(leader)

    def end(self) -> None:
        """Kill every process of it. Takes a few milliseconds, and none can escape.

        A process with a pending SIGKILL cannot fork, so the first round without a new process is the last.
        """
        killed: set[int] = set()
        while found := {*self._members()} - killed:
            for pid in found:
                with suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            killed |= found
        self._killed |= killed

    async def ended(self) -> None:
        """Wait for the killed processes to end, at most `DYING_S`.

        A killed process must be scheduled once more, with its low priority, to free its memory, files
        and ports.
        """
        clock = asyncio.get_running_loop().time
        until_s = clock() + DYING_S
        while any(map(_is_there, self._killed)) and clock() < until_s:  # noqa: ASYNC110 - the kernel reports only our own children
            await asyncio.sleep(LOOK_EVERY_S)

    def _members(self) -> Iterator[int]:
        pids = [int(name) for name in os.listdir(_PROC) if name.isdecimal()]  # noqa: PTH208 - ten times as fast
        stats = {pid: stat for pid in pids if (stat := _stat(pid)) is not None}
        ours = {self.leader}
        for pid, (_, _, session) in stats.items():
            if session == self.leader or self._is_marked(pid):
                ours.add(pid)
        grown = True
        while grown:  # children that cleared their environment, as long as their parent lives
            more = {pid for pid, (_, parent, _) in stats.items() if parent in ours} - ours
            ours |= more
            grown = bool(more)
        # A zombie whose other threads still run must be killed, too.
        yield from (
            pid for pid in ours if pid in stats and (stats[pid][0] not in _GONE or _is_there(pid))
        )

    def _is_marked(self, pid: int) -> bool:
        try:
            environment = (_PROC / str(pid) / "environ").read_bytes()
        except OSError:  # another user's, or gone
            return False
        return f"{MARK}={self.mark}".encode() in environment.split(b"\0")


async def start_server(
    command: Sequence[str], environment: Mapping[str, str], group: ProcessGroup, line_bytes: int
) -> Process:
    """Start an MCP server as the leader of `group`, with pipes for its input and output.

    Args:
        command: The program and its arguments; never a shell.
        environment: Additions to its minimal environment.
        group: A new group.
        line_bytes: The longest line that can be read from it.

    Raises:
        LinkError: If it cannot be started.
    """
    inherited = {name: value for name in _INHERITED if (value := variable(name))}
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env={**inherited, **environment, MARK: group.mark},
            cwd="/",
            start_new_session=True,
            limit=line_bytes,
        )
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "an argument contains a zero byte"
        raise LinkError(f"it cannot be started: {why}") from None
    group.started(process.pid)
    return process


def put_behind(leader: int) -> None:
    """Lower the priority of a session leader and its future children, and let them use all cores."""
    with suppress(OSError):  # children inherit the daemon's affinity: the one core of the sound
        os.sched_setaffinity(leader, ALL_CORES)
    with suppress(OSError):  # it may be over by now
        os.setpriority(os.PRIO_PGRP, leader, NICENESS)
    with suppress(OSError):
        (_PROC / str(leader) / "oom_score_adj").write_text(DIES_FIRST)


def _is_there(pid: int) -> bool:
    """Return whether any thread of a process still runs: if the first has ended, it looks like a zombie."""
    try:
        threads = os.listdir(_PROC / str(pid) / "task")  # noqa: PTH208 - as above
    except OSError:
        return False
    return any(
        stat[0] not in _GONE for tid in threads if (stat := _stat(f"{pid}/task/{tid}")) is not None
    )


def _stat(which: int | str) -> tuple[str, int, int] | None:
    """Return state, parent and session of a process or thread, or None if it has ended."""
    try:
        text = (_PROC / str(which) / "stat").read_text(errors="replace")
    except OSError:
        return None
    # The second field, a name in parentheses, may hold blanks and parentheses itself.
    state, parent, _group, session = text.rpartition(")")[2].split()[:4]
    return state, int(parent), int(session)
