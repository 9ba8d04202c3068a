"""A long conversation on the rig, to see whether anything grows, leaks or gets stuck.

The agent answers every sentence with a long story; the user speaks recorded human words every few
seconds, over the story as often as not. Sounds and pauses vary, so that nothing stays in step.
"""

import random
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

from scripts.benchmarks import programs
from scripts.benchmarks.programs import Agent, Child, Place
from scripts.benchmarks.speech import WORDS
from tests.devices.rig import SoundRig

HUMAN_WORDS = Path("/usr/share/sounds/alsa")
SETTLED_S = 120.0
GROWTH_LIMIT_MIB = 2.0
PAUSES_S = (3.0, 14.0)
XRUN = re.compile(r"\b(?:overrun|underrun)s?\b")


@dataclass(frozen=True, slots=True)
class Sample:
    """The daemon at one moment."""

    at_s: float
    rss_mib: float
    threads: int
    files: int
    tasks: int


def run(folder: Path, rig: SoundRig, minutes: float) -> int:
    """Converse for that long; print what was found; return 1 if it is bad."""
    place = Place("rig", rig.microphone, rig.speaker, rig.environment)
    with programs.agent(folder, "tell") as agent:
        with programs.watched(folder, place, agent.url) as daemon:
            agent.wait_for("first_audio")
            with _user_speaks(rig):
                samples = list(_watch(daemon, minutes * 60))
            code = daemon.stop()
        agent.wait_for("session_over")
        problems = [*_leaks(samples), *_ends(agent, code)]
        _print_summary(agent, daemon, samples, code)
    for problem in problems:
        print(f"PROBLEM: {problem}")
    return 1 if problems else 0


def _watch(daemon: Child, duration_s: float) -> Iterator[Sample]:
    """Yield a sample at each line the daemon prints about its tasks."""
    began_s = time.monotonic()
    while (at_s := time.monotonic() - began_s) < duration_s:
        tasks = daemon.line()["tasks"]
        sample = Sample(
            at_s, daemon.memory_mib("VmRSS"), daemon.n_threads(), daemon.n_files(), tasks
        )
        print(
            f"{at_s:6.0f} s  RSS {sample.rss_mib:.2f} MiB  threads {sample.threads}  "
            f"files {sample.files}  tasks {sample.tasks}",
            flush=True,
        )
        yield sample


@contextmanager
def _user_speaks(rig: SoundRig) -> Iterator[None]:
    over = Event()
    speaking = Thread(target=_speak_on, args=(rig, over))
    speaking.start()
    try:
        yield
    finally:
        over.set()
        speaking.join()


def _speak_on(rig: SoundRig, over: Event) -> None:
    dice = random.Random(1)  # noqa: S311 - the same conversation every time
    sentences = [*WORDS.glob("*.wav"), *HUMAN_WORDS.glob("[FRS]*.wav")]
    while not over.wait(dice.uniform(*PAUSES_S)):
        feeding = rig.feed(dice.choice(sentences))
        try:
            feeding.wait(timeout=10)
        except subprocess.TimeoutExpired:
            feeding.kill()
            feeding.wait()


def _leaks(samples: Sequence[Sample]) -> Iterator[str]:
    first, last = _settled(samples)[0], samples[-1]
    if (grown_mib := last.rss_mib - first.rss_mib) > GROWTH_LIMIT_MIB:
        yield f"RSS grew by {grown_mib:.1f} MiB, more than {GROWTH_LIMIT_MIB:g}"
    for what in ("threads", "files", "tasks"):
        before, after = (_least(part, what) for part in _halves(_settled(samples)))
        if after > before:
            yield f"{what} leaked: never less than {after} at last, {before} at first"


def _ends(agent: Agent, code: int) -> Iterator[str]:
    if code != 0:
        yield f"the daemon ended with {code} on SIGTERM"
    if not agent.events("received", type="session.end"):
        yield "the session was not ended with session.end"
    if not agent.events("turn") or not agent.events("interrupted"):
        yield "there was no conversation to speak of"


def _print_summary(agent: Agent, daemon: Child, samples: Sequence[Sample], code: int) -> None:
    settled = _settled(samples)
    grown_mib = samples[-1].rss_mib - settled[0].rss_mib
    xruns = [line for line in daemon.log().splitlines() if XRUN.search(line)]
    print()
    print(
        f"duration            {samples[-1].at_s / 60:.1f} min in {len(agent.events('connected'))} session(s)"
    )
    print(f"turns of the user   {len(agent.events('turn'))}")
    print(f"replies             {len(agent.events('reply_audio'))}")
    print(f"interrupted         {len(agent.events('interrupted'))}")
    print(f"RSS growth          {grown_mib:+.2f} MiB after {settled[0].at_s:.0f} s")
    print(f"peak RSS            {max(sample.rss_mib for sample in samples):.1f} MiB")
    for what in ("threads", "files", "tasks"):
        counts = [getattr(sample, what) for sample in settled]
        print(f"{what:19} {counts[0]} at first, {counts[-1]} at last, {max(counts)} at most")
    print(f"xruns reported      {len(xruns)}")
    print(f"exit on SIGTERM     {code}")
    for line in xruns:
        print(f"  {line}")


def _settled(samples: Sequence[Sample]) -> Sequence[Sample]:
    """Return the samples after the second minute, or all if it was too short for that."""
    return [sample for sample in samples if sample.at_s >= SETTLED_S] or samples


def _halves(samples: Sequence[Sample]) -> tuple[Sequence[Sample], Sequence[Sample]]:
    middle = (len(samples) + 1) // 2
    return samples[:middle], samples[middle:] or samples


def _least(samples: Sequence[Sample], what: str) -> int:
    """Return what was always there: a task or a file may come and go with a turn."""
    return min(getattr(sample, what) for sample in samples)
