"""Metrics for Prometheus: how the daemon works, never what is said.

Imported only if the settings ask for it.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from voiced import __version__
from voiced.core.actions import Status
from voiced.core.events import (
    AgentReady,
    Event,
    LinkLost,
    Loss,
    ReplyDone,
    ReplyHeard,
    SessionEnded,
    SpeechStopped,
    ToolCalled,
    ToolReturned,
)
from voiced.core.state import Conversation, Phase, status_of
from voiced.storage.state_store import DiskReport

LATENCIES_S = (0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
MOST_TOOLS = 100  # counted by name, the rest as `other`: an agent may make up names for ever
DROPS_S = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25)

_LOSSES = {Loss.REJECTED: "refused", Loss.BUSY: "busy", Loss.SESSION_GONE: "session_gone"}


@dataclass(frozen=True, slots=True)
class Reading:
    """What is counted elsewhere. Counts are since the start; None is for unknown.

    Attributes:
        captured_periods: Periods captured.
        dropped_periods: Periods for which the queue had no room.
        dropped_s: The length of those.
        replayed_periods: Periods sent again on another link.
        overruns: Capture xruns.
        underruns: Playback xruns.
        gaps: Gaps heard inside a reply.
        revision: The revision of the settings in force.
        on_trial: These settings are on trial.
        taken_back: Revisions that were rolled back.
        watchdog_margin_s: Time left until the watchdog of systemd would restart the daemon.
        temperature: Of the processor, in degrees Celsius.
        throttled: The processor is slowed down by heat or weak power.
        failing: The parts that fail at present.
        failures: Failures by part.
        refused: Refused requests by server and reason.
        disk: The disk of the state folder.
    """

    captured_periods: int = 0
    dropped_periods: int = 0
    dropped_s: float = 0.0
    replayed_periods: int = 0
    overruns: int = 0
    underruns: int = 0
    gaps: int = 0
    revision: int | None = None
    on_trial: bool = False
    taken_back: int = 0
    watchdog_margin_s: float | None = None
    temperature: float | None = None
    throttled: bool | None = None
    failing: Set[str] = frozenset()
    failures: Mapping[str, int] = field(default_factory=dict)
    refused: Mapping[tuple[str, str], int] = field(default_factory=dict)
    disk: DiskReport = field(default_factory=DiskReport)


class Metrics:
    """Counts events. Implements `Observer`.

    Args:
        read: Reads what is counted elsewhere.
        clock: Returns monotonic time in seconds.
    """

    def __init__(
        self, read: Callable[[], Reading], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._registry = registry = CollectorRegistry()
        self._status = Status.BOOTING
        self._since_s = clock()
        self._seconds = dict.fromkeys(Status, 0.0)
        self._out_since_s: float | None = None
        self._out_s = 0.0
        self._stopped_s: float | None = None
        self._tools: dict[str, str] = {}
        self._tool_names: set[str] = set()
        self._links = Counter("voiced_links", "Links by outcome.", ["outcome"], registry=registry)
        for outcome in ("fresh", "resumed", "lost", "refused", "busy", "session_gone", "ended"):
            self._links.labels(outcome)
        self._barge_ins = Counter(
            "voiced_barge_ins", "Replies that the user interrupted.", registry=registry
        )
        self._turns = Histogram(
            "voiced_turn_latency_seconds",
            "From the end of the user's turn to the first audible sample of the reply.",
            buckets=LATENCIES_S,
            registry=registry,
        )
        self._drops = Histogram(
            "voiced_drop_latency_seconds",
            "From the report of an interruption to the order to silence the speaker.",
            buckets=DROPS_S,
            registry=registry,
        )
        self._tool_calls = Counter(
            "voiced_tool_calls",
            "Tool calls by name and outcome.",
            ["tool", "outcome"],
            registry=registry,
        )
        built = Gauge("voiced_build_info", "The program.", ["version"], registry=registry)
        built.labels(__version__).set(1)
        registry.register(_Readings(self, read))

    def noticed(
        self, before: Conversation, event: Event | None, now: Conversation, took_s: float
    ) -> None:
        """Count one step of the conversation."""
        self._keep_time(now)
        match event:
            case AgentReady() if before.phase is Phase.CONNECTING:
                resumed = before.resume_key is not None and now.resume_key == before.resume_key
                self._links.labels("resumed" if resumed else "fresh").inc()
            case LinkLost(loss=loss):
                self._links.labels(_LOSSES.get(loss, "lost")).inc()
            case SessionEnded():
                self._links.labels("ended").inc()
            case SpeechStopped():
                self._stopped_s = self._clock()
            case ReplyHeard() if self._stopped_s is not None:
                self._turns.observe(self._clock() - self._stopped_s)
                self._stopped_s = None
            case ReplyDone(reply_id, interrupted) if interrupted and reply_id == before.reply_id:
                self._barge_ins.inc()
                self._drops.observe(took_s)
            case ToolCalled() | ToolReturned():
                self._count_tool(event, now)
            case _:
                pass
        self._give_up_tools(now)
        if now.phase is Phase.ASLEEP:
            self._stopped_s = None

    def text(self) -> bytes:
        """Return all metrics in Prometheus's text format."""
        return generate_latest(self._registry)

    def families(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """Yield the metrics that change with time alone."""
        now_s = self._clock()
        status = GaugeMetricFamily(
            "voiced_status", "1 for the status that the device shows.", labels=["status"]
        )
        seconds = CounterMetricFamily(
            "voiced_status_seconds", "Time that each status was shown.", labels=["status"]
        )
        for each in Status:
            is_now = each is self._status
            status.add_metric([each.value], float(is_now))
            seconds.add_metric([each.value], self._seconds[each] + is_now * (now_s - self._since_s))
        out_s = self._out_s + (0.0 if self._out_since_s is None else now_s - self._out_since_s)
        yield status
        yield seconds
        yield CounterMetricFamily(
            "voiced_outage_seconds",
            "Time in conversations in which the agent was unreachable.",
            value=out_s,
        )

    def _keep_time(self, now: Conversation) -> None:
        now_s, status = self._clock(), status_of(now)
        if status is not self._status:
            self._seconds[self._status] += now_s - self._since_s
            self._status, self._since_s = status, now_s
        is_out = now.cut_off or now.offline
        if is_out and self._out_since_s is None:
            self._out_since_s = now_s
        elif not is_out and self._out_since_s is not None:
            self._out_s += now_s - self._out_since_s
            self._out_since_s = None

    def _count_tool(self, event: ToolCalled | ToolReturned, now: Conversation) -> None:
        if isinstance(event, ToolCalled):
            if event.call_id in now.tools:
                self._tools[event.call_id] = event.name
        elif event.call_id in self._tools:
            self._end_call(event.call_id, "failed" if event.is_error else "returned")

    def _give_up_tools(self, now: Conversation) -> None:
        for call_id in self._tools.keys() - now.tools:
            self._end_call(call_id, "cancelled")

    def _end_call(self, call_id: str, outcome: str) -> None:
        name = self._tools.pop(call_id)
        if len(self._tool_names) < MOST_TOOLS:
            self._tool_names.add(name)
        self._tool_calls.labels(name if name in self._tool_names else "other", outcome).inc()


class _Readings(Collector):
    """Metrics of what is counted elsewhere, read for each scrape."""

    def __init__(self, metrics: Metrics, read: Callable[[], Reading]) -> None:
        self._metrics = metrics
        self._read = read

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        yield from self._metrics.families()
        now = self._read()
        for name, words, count in (
            ("captured_periods", "Periods captured.", now.captured_periods),
            (
                "dropped_periods",
                "Captured periods dropped because the queue was full.",
                now.dropped_periods,
            ),
            (
                "dropped_seconds",
                "Captured sound dropped because the queue was full.",
                now.dropped_s,
            ),
            (
                "replayed_periods",
                "Captured periods sent again over another link.",
                now.replayed_periods,
            ),
            ("capture_overruns", "Capture overruns.", now.overruns),
            ("playback_underruns", "Playback underruns.", now.underruns),
            ("reply_gaps", "Gaps heard inside a reply.", now.gaps),
            (
                "settings_taken_back",
                "Settings from the server that were tried and reverted.",
                now.taken_back,
            ),
            ("disk_write_failures", "Failed writes to the disk.", now.disk.failed_writes),
            ("state_files_broken", "State files found damaged.", len(now.disk.set_aside)),
        ):
            yield CounterMetricFamily(f"voiced_{name}", words, value=count)
        refused = CounterMetricFamily(
            "voiced_refused_requests",
            "Requests refused, by server and by HTTP status or reason.",
            labels=["server", "reason"],
        )
        for labels, n_refused in sorted(now.refused.items()):
            refused.add_metric(labels, n_refused)
        yield refused
        for name, words, value in (
            ("settings_revision", "Revision of the settings in force.", now.revision),
            ("settings_on_trial", "1 while settings from the server are on trial.", now.on_trial),
            (
                "watchdog_margin_seconds",
                "How long until systemd restarts the daemon.",
                now.watchdog_margin_s,
            ),
            ("disk_failing", "1 while the state folder cannot be written.", now.disk.failing),
            ("temperature_celsius", "Temperature of the processor.", now.temperature),
            ("throttled", "1 while the processor is throttled.", now.throttled),
        ):
            if value is not None:
                yield GaugeMetricFamily(f"voiced_{name}", words, value=float(value))
        yield from _parts(now)


def _parts(now: Reading) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
    """Yield the metrics of the parts that have ever failed."""
    failing = GaugeMetricFamily(
        "voiced_part_failing", "1 while the part is failing.", labels=["part"]
    )
    failures = CounterMetricFamily(
        "voiced_part_failures",
        "Failures of the part; each was followed by a restart.",
        labels=["part"],
    )
    for name, count in now.failures.items():
        failing.add_metric([name], float(name in now.failing))
        failures.add_metric([name], count)
    yield failing
    yield failures
