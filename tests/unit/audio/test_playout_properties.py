"""What holds of Playout whatever happens, checked against a model and a simulated network."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.unit.audio.speaker import PERIOD_MS, FakeSpeaker, samples_in, tone
from voiced.audio.playout import Playout

RATE_HZ = 1000
CAPACITY_S = 2.0
RECENT = st.integers(0, 3)  # how many replies ago


class PlayoutMachine(RuleBasedStateMachine):
    """Random orders, sound and time; the model is a plain list of (reply_id, sample)."""

    def __init__(self):
        super().__init__()
        self.playout = Playout(RATE_HZ, self.drained, capacity_s=CAPACITY_S)
        self.speaker = FakeSpeaker(self.playout)
        self.newest = 0
        self.accepting = None
        self.refused = set()
        self.maybe_refused = set()  # heard out or not when everything was dropped: unspecified
        self.owed = []  # accepted sound that was not pulled yet
        self.in_ring = []  # pulled sound that was not heard yet
        self.heard = []
        self.report_due = None
        self.next_sample = 0
        self.now_s = 0.0

    def drained(self, _reply_id):
        assert self.report_due is not None, "a report that nobody waits for, or a second one"
        self.note_pulled()
        assert not self.owed
        assert not samples_in(b"".join(self.speaker.ring)), "reported before it was heard"
        self.report_due = None

    def note_pulled(self):
        """Compare what the speaker got with what is owed, and book it."""
        pulled = samples_in(self.speaker.heard + b"".join(self.speaker.ring))
        known = len(self.heard) + len(self.in_ring)
        new = pulled[known:]
        assert new == [sample for _, sample in self.owed[: len(new)]], "lost, doubled or misplaced"
        self.in_ring += self.owed[: len(new)]
        del self.owed[: len(new)]
        n_heard = len(samples_in(self.speaker.heard)) - len(self.heard)
        self.heard += self.in_ring[:n_heard]
        del self.in_ring[:n_heard]

    @rule()
    def accept_another(self):
        self.newest += 1
        self.accept(self.newest)

    @rule(ago=RECENT)
    def accept_again(self, ago):
        if self.recent(ago) not in self.maybe_refused:
            self.accept(self.recent(ago))

    def recent(self, ago):
        return max(self.newest - ago, 0)

    def accept(self, reply_id):
        self.playout.accept(reply_id)
        if reply_id not in self.refused and reply_id != self.accepting:
            self.accepting = reply_id
            self.report_due = None

    @rule(ago=RECENT, duration_ms=st.integers(0, 300))
    def feed(self, ago, duration_ms):
        reply_id = self.recent(ago)
        pcm = tone(duration_ms, RATE_HZ, first=self.next_sample)
        self.next_sample += duration_ms
        self.playout.feed(reply_id, pcm, self.now_s)
        if reply_id == self.accepting:
            room = int(CAPACITY_S * RATE_HZ) - len(self.owed)
            self.owed += [(reply_id, sample) for sample in samples_in(pcm)[:room]]

    @rule(ago=RECENT)
    def finish(self, ago):
        reply_id = self.recent(ago)
        if reply_id == self.accepting:
            self.accepting = None
            self.report_due = reply_id
        self.playout.finish(reply_id)

    @rule(ago=RECENT)
    def drop_one(self, ago):
        self.refused.add(self.recent(ago))
        self.drop(self.recent(ago))

    @rule()
    def drop_everything(self):
        self.refused |= {owner for owner, _ in self.owed} | {self.accepting} - {None}
        self.maybe_refused = set(range(self.newest + 1)) - self.refused
        self.drop(None)

    def drop(self, reply_id):
        concerned = [owner for owner, _ in self.in_ring if reply_id in (None, owner)]
        audible = self.playout.drop(reply_id)
        assert audible or not concerned, "sound in the ring was kept from the caller"
        if audible:
            self.speaker.drop()
            self.in_ring.clear()
        self.owed = [owed for owed in self.owed if reply_id not in (None, owed[0])]
        if reply_id in (None, self.accepting):
            self.accepting = None
        if reply_id in (None, self.report_due):
            self.report_due = None

    @rule(n_periods=st.integers(1, 30))
    def time_passes(self, n_periods):
        for _ in range(n_periods):
            self.now_s += PERIOD_MS / 1000
            self.speaker.tick()
        self.note_pulled()

    @invariant()
    def the_queue_is_what_is_owed_and_never_above_its_cap(self):
        assert self.playout.queued_ms == pytest.approx(len(self.owed) * 1000 / RATE_HZ)
        assert len(self.owed) <= CAPACITY_S * RATE_HZ

    @invariant()
    def it_sounds_as_long_as_something_is_to_be_heard(self):
        if self.owed or self.in_ring:
            assert self.playout.sounding

    def teardown(self):
        for _ in range(int(CAPACITY_S * 1000 / PERIOD_MS) + 30):
            self.speaker.tick()
        self.note_pulled()
        assert not self.owed
        assert self.report_due is None, "the report never came"


TestPlayoutMachine = PlayoutMachine.TestCase
TestPlayoutMachine.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


class Network:
    """Delivers chunks late but in order, and lets the speaker play meanwhile."""

    def __init__(self, rate_hz=RATE_HZ, **options):
        self.reports = 0
        self.playout = Playout(rate_hz, self.drained, **options)
        self.speaker = FakeSpeaker(self.playout)
        self.now_ms = 0.0
        self.next_tick_ms = 0.0
        self.fullest_ms = 0.0

    def drained(self, _reply_id):
        self.reports += 1

    def pass_until(self, then_ms):
        while self.next_tick_ms <= then_ms:
            self.speaker.tick()
            self.next_tick_ms += PERIOD_MS
        self.now_ms = then_ms

    def deliver(self, reply_id, delays_ms, *, chunk_ms, speed, first):
        """Send a reply at `speed` times real time; return its samples once it was heard."""
        sent = []
        begin_ms = self.now_ms
        self.playout.accept(reply_id)
        for number, delay_ms in enumerate(delays_ms):
            arrival_ms = begin_ms + number * chunk_ms / speed + delay_ms
            self.pass_until(max(self.now_ms, arrival_ms))
            pcm = tone(chunk_ms, self.playout.rate_hz, first=first + len(sent))
            self.playout.feed(reply_id, pcm, self.now_ms / 1000)
            self.fullest_ms = max(self.fullest_ms, self.playout.queued_ms)
            sent += samples_in(pcm)
        self.playout.finish(reply_id)
        before = self.reports
        while self.reports == before:
            self.pass_until(self.now_ms + PERIOD_MS)
        return sent


@settings(deadline=None)
@given(
    phase_ms=st.floats(0, PERIOD_MS),
    replies=st.lists(st.lists(st.floats(0, 200), min_size=1, max_size=60), min_size=1, max_size=7),
    chunk_ms=st.sampled_from([10, 20]),
    speed=st.sampled_from([1, 1.3, 4, 100]),
)
def test_whatever_200_ms_of_jitter_do_the_first_replies_play_without_a_gap(
    phase_ms, replies, chunk_ms, speed
):
    network = Network()
    network.pass_until(phase_ms)
    sent = []
    for number, delays_ms in enumerate(replies):
        options = {"chunk_ms": chunk_ms, "speed": speed, "first": len(sent)}
        sent += network.deliver(str(number), delays_ms, **options)
    assert network.playout.underruns == 0
    assert samples_in(network.speaker.heard) == sent
    assert network.reports == len(replies)


@pytest.mark.parametrize("speed", [1, 4])
@pytest.mark.parametrize("jitter_ms", [0, 30, 100, 200])
def test_a_long_conversation_over_a_jittery_network_has_no_gap(jitter_ms, speed):
    network = Network()
    rng = random.Random(f"{jitter_ms} ms at {speed}")
    for number in range(60):
        delays_ms = [rng.uniform(0, jitter_ms) for _ in range(rng.randint(10, 150))]
        network.deliver(str(number), delays_ms, chunk_ms=20, speed=speed, first=0)
    assert network.playout.underruns == 0


@pytest.mark.parametrize("capacity_s", [60.0, 3.0, 0.1])
def test_a_burst_of_8_s_at_four_times_real_time_never_exceeds_the_cap(capacity_s):
    network = Network(rate_hz=24_000, capacity_s=capacity_s)
    sent = network.deliver("a", [0] * 800, chunk_ms=10, speed=4, first=0)
    heard = samples_in(network.speaker.heard)
    assert network.fullest_ms <= capacity_s * 1000
    assert len(heard) == len(sent) - network.playout.dropped_ms * 24
    assert (heard == sent) == (capacity_s == 60.0)
