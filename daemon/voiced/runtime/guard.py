"""Everything that is not vital runs under a guard: its failure ends nothing else.

Vital are capture, playback, signals and systemd: without them it is better to start a new process. A guard
restarts everything else, and logs that once. It logs the kind and place of an exception but not its text, which
may quote what people say. Only the texts of our own errors are logged: they are written to be read.
"""

import asyncio
import logging
import re
import traceback
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, TypeVarTuple

from voiced.errors import VoicedError
from voiced.lib.backoff import Backoff
from voiced.lib.waiting import uniform

log = logging.getLogger(__name__)

REASONS_TOLD = 20
"""How many different reasons are logged as warnings for one part, until it recovers."""

ENDS = (SystemExit, KeyboardInterrupt, GeneratorExit)
"""What may end the process, or the guard itself. Some libraries raise other BaseExceptions, which it catches."""

Run = Callable[[], Coroutine[Any, Any, None]]
Given = TypeVarTuple("Given")
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Fault:
    """The failure of one part.

    Attributes:
        name: The part.
        reason: Why it failed last.
        failures: Consecutive failures.
        runs: It was restarted, but has not run for long.
    """

    name: str
    reason: str
    failures: int
    runs: bool = False


class Guard:
    """Runs and calls parts, and records which of them fail. `backoff` says when to restart one."""

    def __init__(self, backoff: Backoff | None = None) -> None:
        self._backoff = backoff or Backoff()
        self._faults: dict[str, Fault] = {}
        self._failures: dict[str, int] = {}
        self._told: dict[str, set[str]] = {}

    @property
    def faults(self) -> list[Fault]:
        """The parts that fail now, by name."""
        return [self._faults[name] for name in sorted(self._faults)]

    @property
    def failures(self) -> Mapping[str, int]:
        """The number of failures of each part, since the start."""
        return self._failures

    async def run(self, name: str, run: Run) -> None:
        """Run a part until cancelled. If it fails or just returns, wait and restart it.

        SystemExit and KeyboardInterrupt are raised: they end the process.
        """
        loop, failures = asyncio.get_running_loop(), 0
        try:
            while True:
                began_s = loop.time()
                well = loop.call_later(self._backoff.steady_s, self._recovered, name)
                try:
                    error = await _outcome(run)
                finally:
                    well.cancel()
                if loop.time() - began_s >= self._backoff.steady_s:
                    failures = 0
                self._failed(name, error)
                if _is_cancelled():  # which the part swallowed or turned into another exception
                    raise asyncio.CancelledError
                await asyncio.sleep(self._backoff.pause_s(failures, uniform))
                failures += 1
                self._faults[name] = replace(self._faults[name], runs=True)
        finally:
            self._forget(name)

    def attempt(
        self, part: object, call: Callable[[*Given], Found], *given: *Given
    ) -> Found | None:
        """Call a part; if it fails, record that and return None."""
        try:
            found = call(*given)
        except ENDS:
            raise
        except BaseException as error:  # noqa: BLE001 - that is what a guard is for
            self._failed(_called(part, call), error)
            return None
        if self._faults:  # names are built only while something fails: this runs for every period
            self._faults.pop(_called(part, call), None)
        return found

    def _failed(self, name: str, error: BaseException | None) -> None:
        """Record a failure; log each reason as a warning once."""
        reason = reason_of(error)
        before = self._faults.get(name)
        self._faults[name] = Fault(name, reason, 1 + (before.failures if before else 0))
        self._failures[name] = self._failures.get(name, 0) + 1
        told = self._told.setdefault(name, set())
        if reason in told or len(told) >= REASONS_TOLD:
            log.debug("%s: %s", name, reason)
            return
        told.add(reason)
        log.warning("%s: %s; the rest goes on%s", name, reason, _traceback_of(error))

    def _recovered(self, name: str) -> None:
        if name in self._faults:
            self._forget(name)
            log.info("%s: works again", name)

    def _forget(self, name: str) -> None:
        self._faults.pop(name, None)
        self._told.pop(name, None)


async def _outcome(run: Run) -> BaseException | None:
    """Run a part; return the exception it failed with, or None if it returned.

    A part that cancels itself has failed too. A group that contains one of `ENDS` is raised.
    """
    try:
        await run()
    except asyncio.CancelledError as error:
        if _is_cancelled():
            raise
        return error
    except ENDS:
        raise
    except BaseException as error:
        if isinstance(error, BaseExceptionGroup) and error.subgroup(ENDS) is not None:
            raise
        return error
    return None


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def name_of(part: object) -> str:
    """Return the name of a part: its own `name`, or the words of its class."""
    given = getattr(part, "name", None)
    if isinstance(given, str):
        return given
    return part if isinstance(part, str) else _WORDS.sub(" ", type(part).__name__).lower()


_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def _called(part: object, call: object) -> str:
    """Return the name of a call of a part, for messages."""
    called = getattr(getattr(call, "func", call), "__name__", "call")  # `func` of a partial
    return f"{name_of(part)} ({called.strip('_').replace('_', ' ')})"


def reason_of(error: BaseException | None) -> str:
    """Return why a part failed, quoting only our own errors and the system's."""
    first = first_of(error)
    match first:
        case None:
            return "it ended unexpectedly"
        case asyncio.CancelledError():
            return "it cancelled itself"
        case VoicedError():
            return str(first)
        case OSError(strerror=str(problem), filename=place) if problem:
            return problem if place is None else f"{place}: {problem}"
        case _:
            return f"it broke: {whereabouts(first)}"


def first_of(error: BaseException | None) -> BaseException | None:
    """Return the first error in a group, or the error itself."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def whereabouts(error: BaseException) -> str:
    """Return kind and place of an exception, and nothing that could quote a secret."""
    kind = type(error).__name__
    steps = [*traceback.walk_tb(error.__traceback__)]
    if not steps:
        return kind
    frame, line = steps[-1]
    return f"{kind} in {Path(frame.f_code.co_filename).name}, line {line}"


def _traceback_of(error: BaseException | None) -> str:
    """Return the traceback of a bug, for the log; empty for an expected error."""
    first = first_of(error)
    if first is None or isinstance(first, VoicedError | OSError | asyncio.CancelledError):
        return ""
    return "\n" + "".join(traceback.format_tb(first.__traceback__)).rstrip()
