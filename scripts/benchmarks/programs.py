"""The programs that are measured, as child processes, and what the kernel says of them."""

import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
STOP_LIMIT_S = 10.0
SILENT_LIMIT_S = 30.0
POLL_S = 0.01
_UTIME_FIELD = 13  # of /proc/PID/stat, counted from 0; see proc(5)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a client listens and speaks.

    Attributes:
        name: `wav` or `rig`.
        microphone: Its capture device.
        speaker: Its playback device.
        environment: What it needs to see them.
    """

    name: str
    microphone: str
    speaker: str
    environment: Mapping[str, str]


class Child:
    """A running program. Use it with `with`: it is stopped on exit."""

    def __init__(
        self,
        command: Sequence[str | Path],
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.started_s = time.monotonic()
        self._log = log
        with log.open("wb") as stderr:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, **(environment or {})},  # noqa: TID251 - handed on, not read
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def line(self) -> dict[str, Any]:
        """Return the next line it prints, which is JSON."""
        stdout = self.process.stdout
        ready = stdout and select.select([stdout], [], [], SILENT_LIMIT_S)[0]
        line = stdout.readline() if stdout and ready else b""
        if not line:
            raise RuntimeError(f"{self.process.args} ended or hangs:\n{self.log()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def log(self) -> str:
        """Return what it wrote to standard error."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def cpu_s(self) -> float:
        """Return the CPU time it used so far."""
        fields = self._proc("stat").rpartition(")")[2].split()
        utime, stime = fields[_UTIME_FIELD - 2 : _UTIME_FIELD]
        return (int(utime) + int(stime)) / TICKS_PER_S

    def memory_mib(self, field: str) -> float:
        """Return a memory field of /proc/PID/status, such as VmHWM."""
        return int(self._status(field).split()[0]) / 1024

    def n_threads(self) -> int:
        """Return how many threads it has."""
        return int(self._status("Threads"))

    def n_files(self) -> int:
        """Return how many files it has open."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))  # noqa: PTH208 - only counted

    def stop(self) -> int:
        """Ask it to end and return its exit code; kill it if it does not listen."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
        finally:
            if self.process.stdout:
                self.process.stdout.close()

    def _status(self, field: str) -> str:
        lines = dict(line.split(":", 1) for line in self._proc("status").splitlines())
        return lines[field].strip()

    def _proc(self, name: str) -> str:
        try:
            return Path(f"/proc/{self.process.pid}/{name}").read_text(encoding="utf-8")
        except OSError:
            raise RuntimeError(f"{self.process.args} ended:\n{self.log()}") from None


class Agent:
    """The stand-in agent of one measurement.

    Attributes:
        url: Where it is.
    """

    def __init__(self, child: Child, events: Path) -> None:
        self.url: str = child.line()["url"]
        self._events = events

    def events(self, kind: str, **fields: object) -> list[dict[str, Any]]:
        """Return what happened; times are those of `time.monotonic`."""
        lines = self._events.read_text(encoding="utf-8").splitlines()
        entries = [json.loads(line) for line in lines if f'"event": "{kind}"' in line]
        return [entry for entry in entries if fields.items() <= entry.items()]

    def wait_for(self, kind: str, count: int = 1, limit_s: float = 30.0) -> float:
        """Return when it happened for the `count`th time on the whole."""
        deadline_s = time.monotonic() + limit_s
        while len(found := self.events(kind)) < count:
            if time.monotonic() > deadline_s:
                raise RuntimeError(f"the stand-in agent saw no {kind} within {limit_s:g} s")
            wait(POLL_S)
        return float(found[count - 1]["t"])


@contextmanager
def agent(folder: Path, play: str, *options: str) -> Iterator[Agent]:
    """Run the stand-in agent, acting out a play of `agent.py`."""
    events = folder / f"events-{time.monotonic_ns()}.jsonl"
    command = [*module("agent"), play, "--events", str(events), *options]
    with Child(command, folder / "agent.log") as child:
        yield Agent(child, events)


def voiced(folder: Path, place: Place, url: str, wake: str = "always") -> Child:
    """Start the daemon as a person would."""
    config = _config(folder, place, url, wake)
    command = [BIN / "voiced", "run", "--config", config]
    return Child(command, folder / "voiced.log", place.environment)


def probe(folder: Path, place: Place, url: str) -> Child:
    """Start the daemon with stopwatches; see `report`."""
    command = [*module("probe"), "--config", str(_config(folder, place, url, "always"))]
    return Child([*command, *_to_report(folder)], folder / "probe.log", place.environment)


def watched(folder: Path, place: Place, url: str) -> Child:
    """Start the daemon; it prints how many tasks it has, every ten seconds."""
    command = [*module("watched"), "--config", str(_config(folder, place, url, "always"))]
    return Child(command, folder / "watched.log", place.environment)


def baseline(folder: Path, place: Place, url: str) -> Child:
    """Start the plain client; see `report`."""
    sound = ["--microphone", place.microphone, "--speaker", place.speaker]
    command = [*module("baseline"), "--url", url, *sound, *_to_report(folder)]
    return Child(command, folder / "baseline.log", place.environment)


def sound_client(folder: Path, place: Place) -> Child:
    """Start what only keeps the sound system busy."""
    sound = ["--microphone", place.microphone, "--speaker", place.speaker]
    return Child([*module("soundclient"), *sound], folder / "sound.log", place.environment)


def report(folder: Path) -> dict[str, Any]:
    """Return what the probe or the plain client that ended last wrote."""
    written: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return written


def module(name: str) -> list[str]:
    """Return the command that runs a module of this folder."""
    return [sys.executable, "-m", f"scripts.benchmarks.{name}"]


def wait(duration_s: float) -> None:
    """Let time pass."""
    threading.Event().wait(duration_s)


def _to_report(folder: Path) -> list[str]:
    (folder / "report.json").unlink(missing_ok=True)
    return ["--report", str(folder / "report.json")]


def _config(folder: Path, place: Place, url: str, wake: str) -> Path:
    path, key = folder / "voiced.yaml", folder / "key"
    key.write_text("any-key-will-do", encoding="utf-8")
    key.chmod(0o600)
    path.write_text(
        f"version: 1\n"
        f"agent: {{url: '{url}', key: {{file: {key}}}, session: {{system_prompt: Be brief.}}}}\n"
        f"audio:\n"
        f"  capture: {{device: '{place.microphone}', silent_after_s: 0}}\n"
        f"  playback: {{device: '{place.speaker}', mixer: none}}\n"
        f"sounds: {{earcons: false, causes: false}}\n"
        f"wake: {{mode: {wake}}}\n",
        encoding="utf-8",
    )
    return path
