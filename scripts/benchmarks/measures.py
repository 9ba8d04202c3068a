"""The measurements, one function each: what runs, for how long, and what is read off."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts.benchmarks import arithmetic, programs
from scripts.benchmarks.programs import Agent, Child, Place, wait
from scripts.benchmarks.table import Budget, Row, statistics
from scripts.benchmarks.track import Track
from tests.devices.rig import SoundRig

SETTLE_S = 3.0
BACKOFF_S = 40.0
"""After so long the waits have grown to their longest."""

LATE_AUDIO = ("--fault", "late-audio=300", "--fault", "burst=4")
BASELINE_GAP_S = 8.0
"""The plain client plays on what came in a burst: as long must pass before the next reply."""

Client = Callable[[Path, Place, str], Child]


@dataclass(frozen=True, slots=True)
class Bench:
    """What every measurement needs.

    Attributes:
        folder: For its files.
        rig: The virtual sound card.
        places: Where `voiced` listens and speaks, by column.
        plain_places: The same for the plain client.
        user: What the user says, for the rig.
        quick: Measure less.
    """

    folder: Path
    rig: SoundRig
    places: Sequence[Place]
    plain_places: Sequence[Place]
    user: Path
    quick: bool

    def columns(self) -> Iterator[tuple[str, Place, Client]]:
        """Return every column of the table with what is measured for it."""
        for place in self.places:
            yield place.name, place, programs.voiced
        for place in self.plain_places:
            yield f"baseline {place.name}", place, programs.baseline

    @contextmanager
    def user_speaks(self, place: Place) -> Iterator[None]:
        """Let the user speak at the rig; in a WAV file they do so by themselves."""
        if place.name != "rig":
            yield
            return
        speaking = self.rig.feed(self.user)
        try:
            yield
        finally:
            speaking.terminate()
            speaking.wait()


def start(bench: Bench) -> list[Row]:
    """From the start of the process to the first sound at the agent."""
    row = Row("start → first microphone byte at the agent, s", ("p50", "p95"))
    row.budget = Budget("p95", 0.6)
    for column, place, client in bench.columns():
        with programs.agent(bench.folder, "listen") as agent:
            took_s = []
            for run in range(3 if bench.quick else 12):
                with client(bench.folder, place, agent.url) as child:
                    took_s.append(agent.wait_for("first_audio", run + 1) - child.started_s)
        row.figures[column] = statistics(took_s, 95)
    return [row]


def conversation(bench: Bench) -> list[Row]:
    """CPU time and memory of a conversation with sound in both directions."""
    cpu = Row("conversation: CPU s per min", ("cpu",), budget=Budget("cpu", 0.6, ("wav",)))
    memory = Row("conversation: peak RSS, MiB", ("peak",), 1, Budget("peak", 50))
    duration_s = 20.0 if bench.quick else 63.0  # seven times the user's cycle
    for column, place, client in bench.columns():
        with (
            programs.agent(bench.folder, "converse") as agent,
            client(bench.folder, place, agent.url) as child,
        ):
            began_s = agent.wait_for("first_audio")
            with bench.user_speaks(place):
                wait(SETTLE_S)
                cpu.figures[column] = {"cpu": _cpu_per_min(child, duration_s)}
            memory.figures[column] = {"peak": child.memory_mib("VmHWM")}
            share = _agent_share(agent, began_s + SETTLE_S, duration_s)
            cpu.notes.append(f"{column}: the agent spoke {share:.0%} of the time")
    with programs.sound_client(bench.folder, bench.places[1]) as child:
        wait(1)
        alone = _cpu_per_min(child, duration_s / 2)
    cpu.notes.append(f"the sound client's own share on the rig: {alone:.2f} (bare read and write)")
    return [cpu, memory]


def latency(bench: Bench) -> list[Row]:
    """How long captured sound takes to the wire, and a reply's first sound to the device."""
    wire = Row("capture period complete → message written, ms", ("p50", "p99"))
    wire.budget = Budget("p99", 5)
    reply = Row("first reply.audio → audible at the device, ms", ("p50", "p95"), 0)
    duration_s = 15.0 if bench.quick else 50.0
    clients = {programs.voiced: programs.probe, programs.baseline: programs.baseline}
    for column, place, client in bench.columns():
        with programs.agent(bench.folder, "words") as agent, bench.rig.record_speaker() as heard:
            with clients[client](bench.folder, place, agent.url):
                agent.wait_for("first_audio")
                wait(duration_s)
            seen = programs.report(bench.folder)
        track = Track.of_recording(heard)
        settled = seen["wire_ms"][len(seen["wire_ms"]) // 20 :]
        wire.figures[column] = statistics(settled, 99)
        # The last reply may be cut off by the end, the first one meets everything cold.
        replies = seen["replies"][1:-1]
        audible_s = [_audible_s(place, times, track) for times in replies]
        delays_ms = [(at - times[0]) * 1000 for at, times in zip(audible_s, replies, strict=True)]
        reply.figures[column] = statistics(delays_ms, 95)
        if client is programs.voiced:
            held_ms = statistics([times[2] for times in replies])["p50"]
            reply.notes.append(f"{column}: of it the start threshold {held_ms:.0f} ms (median)")
    return [wire, reply]


def barge_in(bench: Bench) -> list[Row]:
    """From the interruption's message to the last sound of that reply, which goes on arriving."""
    row = Row("interruption sent → last audible sample, ms", ("p50", "p95", "max"), 1)
    row.budget = Budget("p95", 25, ("rig",))
    n_trials, n_plain = (10, 3) if bench.quick else (55, 5)
    for place in bench.places:
        with programs.agent(bench.folder, "interrupted", *LATE_AUDIO) as agent:
            with (
                bench.rig.record_speaker() as heard,
                programs.probe(bench.folder, place, agent.url),
            ):
                agent.wait_for("interrupted", n_trials + 1, limit_s=n_trials * 4.0)
            track = Track.of_recording(heard)
            if place.name == "wav":
                began_s = programs.report(bench.folder)["played_from_s"]
                track = Track.of_file(place.speaker, began_s)
            lasts_ms = _last_sounds_ms(agent, track, gap_s=0.95)
        late = sum(last_ms > 100 for last_ms in lasts_ms)  # noqa: PLR2004 - see the note
        row.notes.append(
            f"{place.name}: sound of an interrupted reply more than 100 ms later: "
            f"{late} of {len(lasts_ms)} (it went on arriving for 300 ms, at four times real time)"
        )
        row.figures[place.name] = statistics(lasts_ms, 95)
    place = bench.plain_places[1]
    options = (*LATE_AUDIO, "--gap", str(BASELINE_GAP_S))
    with programs.agent(bench.folder, "interrupted", *options) as agent:
        with (
            bench.rig.record_speaker() as heard,
            programs.baseline(bench.folder, place, agent.url),
        ):
            agent.wait_for("interrupted", n_plain + 1, limit_s=n_plain * 12.0)
        track = Track.of_recording(heard)
        lasts_ms = _last_sounds_ms(agent, track, gap_s=BASELINE_GAP_S - 0.05)
    row.figures["baseline rig"] = statistics(lasts_ms, 95)
    return [row]


def idle(bench: Bench) -> list[Row]:
    """What it costs to wait for somebody to press the button."""
    cpu = Row("asleep: CPU s per min", ("cpu",))
    memory = Row("asleep: RSS, MiB", ("rss",), 1)
    for place in bench.places:
        with programs.voiced(bench.folder, place, "ws://localhost:9", "button") as child:
            wait(SETTLE_S)
            cpu.figures[place.name] = {"cpu": _cpu_per_min(child, 10 if bench.quick else 30)}
            memory.figures[place.name] = {"rss": child.memory_mib("VmRSS")}
    return [cpu, memory]


def offline(bench: Bench) -> list[Row]:
    """What it costs to try an agent that is not there, over and above waiting asleep."""
    asleep = Row("asleep, just before: CPU s per min", ("cpu",))
    trying = Row("offline and retrying: CPU s per min", ("cpu",))
    more = Row("the retrying alone: CPU s per min", ("cpu",), budget=Budget("cpu", 0.1))
    duration_s = 15.0 if bench.quick else 60.0
    for place in bench.places:
        for row, wake, settle_s in ((asleep, "button", SETTLE_S), (trying, "always", BACKOFF_S)):
            with programs.voiced(bench.folder, place, "ws://localhost:9", wake) as child:
                wait(settle_s)
                row.figures[place.name] = {"cpu": _cpu_per_min(child, duration_s)}
        cost = trying.figures[place.name]["cpu"] - asleep.figures[place.name]["cpu"]
        more.figures[place.name] = {"cpu": cost}
    return [asleep, trying, more]


def sums(bench: Bench) -> list[Row]:
    """What resampling and the codec cost."""
    return arithmetic.measure(10 if bench.quick else 60)


MEASURES: dict[str, Callable[[Bench], list[Row]]] = {
    "start": start,
    "conversation": conversation,
    "latency": latency,
    "barge-in": barge_in,
    "idle": idle,
    "offline": offline,
    "arithmetic": sums,
}


def _cpu_per_min(child: Child, duration_s: float) -> float:
    before_s = child.cpu_s()
    wait(duration_s)
    return (child.cpu_s() - before_s) * 60 / duration_s


def _agent_share(agent: Agent, from_s: float, duration_s: float) -> float:
    """Return for which part of that time the agent was sending the sound of a reply."""
    spoken_s = 0.0
    for entry in agent.events("reply_audio"):
        began_s = max(entry["t"], from_s)
        ended_s = min(entry["t"] + entry["audio_s"], from_s + duration_s)
        spoken_s += max(0.0, ended_s - began_s)
    return spoken_s / duration_s


def _audible_s(place: Place, times: Sequence[float], heard: Track) -> float:
    """Return when a reply, received at the first of `times`, was audible at the device."""
    if place.name == "wav":
        return times[1]
    audible = heard.audible_s(times[0], times[0] + 1.5)
    if audible is None:
        raise RuntimeError("a reply was not heard at the virtual speaker")
    return audible[0]


def _last_sounds_ms(agent: Agent, heard: Track, gap_s: float) -> list[float]:
    """Return how long after each interruption the reply was last heard."""
    lasts_ms = []
    interruptions = agent.events("sent", type="reply.done", status="interrupted")
    for entry in interruptions[:-1]:  # the recording may end before the last one does
        at_s = entry["t"]
        if heard.audible_s(at_s - 0.2, at_s) is None:
            raise RuntimeError("a reply was interrupted before it was heard")
        audible = heard.audible_s(at_s - 0.2, at_s + gap_s)
        lasts_ms.append(((audible[1] if audible else at_s) - at_s) * 1000)
    return lasts_ms
