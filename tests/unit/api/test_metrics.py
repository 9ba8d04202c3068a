"""What Prometheus is told (metrics.py)."""

from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from voiced.api.metrics import MOST_TOOLS, Metrics, Reading
from voiced.core import events as ev
from voiced.core.conversation import step
from voiced.core.state import Conversation, Policy
from voiced.errors import SoundFault
from voiced.storage.state_store import DiskReport


class Device:
    """A conversation, and what is counted of it."""

    def __init__(self):
        self.now_s = 100.0
        self.reading = Reading()
        self.metrics = Metrics(lambda: self.reading, lambda: self.now_s)
        self.conversation = Conversation(
            microphone=SoundFault.UNOPENED, speaker=SoundFault.UNOPENED
        )

    def live(self, *events, took_s=0.0):
        for event in events:
            if isinstance(event, float):
                self.now_s += event
                continue
            before = self.conversation
            self.conversation, _ = step(before, event, Policy())
            self.metrics.noticed(before, event, self.conversation, took_s)
        return self

    def value(self, name, **labels):
        families = text_string_to_metric_families(self.metrics.text().decode())
        found = [
            sample.value
            for family in families
            for sample in family.samples
            if sample.name == f"voiced_{name}" and labels.items() <= sample.labels.items()
        ]
        [value] = found
        return value


@pytest.fixture
def device():
    return Device().live(1.5, ev.MicrophoneChanged(), ev.SpeakerChanged())


def test_time_is_counted_for_each_status(device):
    device.live(10.0, ev.Woken("test"), 0.5, ev.AgentReady("s"), 4.0)
    assert device.value("status", status="listening") == 1
    assert device.value("status", status="asleep") == 0
    spent = {
        each: device.value("status_seconds_total", status=each)
        for each in ("booting", "asleep", "connecting", "listening", "speaking")
    }
    assert spent == {"booting": 1.5, "asleep": 10, "connecting": 0.5, "listening": 4, "speaking": 0}


def test_links_are_counted_by_what_became_of_them(device):
    device.live(
        ev.Woken("test"),
        ev.AgentReady("s"),
        ev.LinkLost("gone"),
        2.0,
        ev.AgentReady("s"),
        ev.LinkLost("gone", ev.Loss.SESSION_GONE),
        3.0,
        ev.AgentReady("t"),
        ev.AgentReady("t"),
        ev.SessionEnded(),
        ev.Woken("test"),
        ev.LinkLost("no", ev.Loss.REJECTED),
        ev.LinkLost("later", ev.Loss.BUSY),
        4.0,
    )
    links = {
        "fresh": 2,
        "resumed": 1,
        "lost": 1,
        "session_gone": 1,
        "ended": 1,
        "refused": 1,
        "busy": 1,
    }
    assert {each: device.value("links_total", outcome=each) for each in links} == links
    assert device.value("outage_seconds_total") == 9


def test_the_wait_for_an_answer_is_measured_to_its_first_sound(device):
    device.live(ev.Woken("test"), ev.AgentReady("s"), ev.SpeechStarted(), 2.0, ev.SpeechStopped())
    device.live(0.4, ev.ReplyStarted("r"), 0.3, ev.ReplyHeard("r"), 5.0, ev.ReplyHeard("r"))
    assert device.value("turn_latency_seconds_count") == 1
    assert device.value("turn_latency_seconds_sum") == pytest.approx(0.7)
    device.live(ev.SpeechStopped(), ev.EndRequested(), 60.0, ev.Woken("test"), ev.AgentReady("u"))
    device.live(ev.ReplyStarted("q"), ev.ReplyHeard("q"))
    assert device.value("turn_latency_seconds_count") == 1


def test_interruptions_are_counted_and_timed(device):
    device.live(ev.Woken("test"), ev.AgentReady("s"), ev.ReplyStarted("r"))
    device.live(ev.ReplyDone("other", interrupted=True))
    device.live(ev.ReplyDone("r", interrupted=True), took_s=0.003)
    device.live(ev.ReplyStarted("s"), ev.ReplyDone("s"))
    assert device.value("barge_ins_total") == 1
    assert device.value("drop_latency_seconds_bucket", le="0.005") == 1
    assert device.value("drop_latency_seconds_bucket", le="0.002") == 0


def test_tools_are_counted_by_name_and_outcome(device):
    device.live(ev.Woken("test"), ev.AgentReady("s"))
    for call_id, name in (("1", "get_time"), ("2", "get_time"), ("3", "order_pizza")):
        device.live(ev.ToolCalled(call_id, name))
    device.live(ev.ToolReturned("1", "{}"), ev.ToolReturned("2", "{}", is_error=True))
    device.live(ev.ToolReturned("9", "{}"), ev.EndRequested())
    counted = [("get_time", "returned"), ("get_time", "failed"), ("order_pizza", "cancelled")]
    for tool, outcome in counted:
        assert device.value("tool_calls_total", tool=tool, outcome=outcome) == 1


def test_a_call_whose_turn_was_interrupted_is_counted_and_forgotten(device):
    device.live(ev.Woken("test"), ev.AgentReady("s"), ev.ReplyStarted("r"))
    device.live(ev.ToolCalled("1", "get_time"), ev.ReplyDone("r", interrupted=True))
    device.live(ev.ToolReturned("1", "{}"))
    assert device.value("tool_calls_total", tool="get_time", outcome="cancelled") == 1
    assert "returned" not in device.metrics.text().decode()


def test_names_that_an_agent_makes_up_do_not_fill_the_memory(device):
    device.live(ev.Woken("test"), ev.AgentReady("s"))
    for call in map(str, range(MOST_TOOLS + 50)):
        device.live(ev.ToolCalled(call, f"made up {call}"), ev.ToolReturned(call, "{}", True))
    device.live(ev.ToolCalled("again", "made up 0"), ev.ToolReturned("again", "{}"))
    assert device.value("tool_calls_total", tool="other", outcome="failed") == 50
    assert device.value("tool_calls_total", tool="made up 0", outcome="returned") == 1


def test_what_is_counted_elsewhere_is_read_when_somebody_asks(device):
    assert "revision" not in device.metrics.text().decode()
    device.reading = replace(
        device.reading,
        captured_periods=7,
        overruns=2,
        revision=12,
        watchdog_margin_s=14.5,
        throttled=False,
        temperature=48.3,
    )
    assert device.value("captured_periods_total") == 7
    assert device.value("capture_overruns_total") == 2
    assert device.value("settings_revision") == 12
    assert device.value("watchdog_margin_seconds") == 14.5
    assert device.value("throttled") == 0
    assert device.value("temperature_celsius") == 48.3


def test_nothing_that_is_said_is_in_it(device):
    device.live(ev.Woken("test"), ev.AgentReady("a-session-key"))
    device.live(ev.ToolCalled("1", "get_time", {"where": "my bedroom"}))
    device.live(ev.ToolReturned("1", '{"private": true}'), ev.LinkLost("secret reason"))
    text = device.metrics.text().decode()
    for private in ("a-session-key", "bedroom", "private", "secret"):
        assert private not in text


def test_a_disk_that_takes_nothing_shows_in_the_figures():
    device = Device()
    assert device.value("disk_failing") == 0
    disk = DiskReport(failing=True, failed_writes=3, set_aside=("alarms.json.broken-1",))
    device.reading = replace(device.reading, disk=disk)
    assert device.value("disk_failing") == 1
    assert device.value("disk_write_failures_total") == 3
    assert device.value("state_files_broken_total") == 1
