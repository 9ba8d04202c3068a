import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.audio.pacing import BURST_MS, Pacer

SPEEDS = st.floats(1.0, 8.0)
START_S = 1e6


def test_a_backlog_leaves_at_twice_real_time_after_a_small_burst():
    pacer = Pacer()
    now_s = START_S
    sent_s = []
    for _ in range(110):
        now_s += pacer.wait_s(20, now_s, 2.0)
        sent_s.append(now_s - START_S)
    assert sent_s[9] == pytest.approx(0, abs=1e-6), "200 ms leave at once"
    assert sent_s[-1] == pytest.approx(1.0), "2 s more take one second"


@given(SPEEDS, st.lists(st.tuples(st.floats(1, 500), st.floats(0, 0.5)), max_size=60))
def test_no_stretch_of_time_carries_more_than_its_speed_and_one_burst(speed, chunks):
    pacer = Pacer()
    now_s = START_S
    sent = []
    for duration_ms, idle_s in chunks:
        now_s += idle_s
        now_s += pacer.wait_s(duration_ms, now_s, speed)
        sent.append((now_s, duration_ms))
    for first, (from_s, _) in enumerate(sent):
        carried_ms = 0.0
        for to_s, duration_ms in sent[first:]:
            carried_ms += duration_ms
            allowed_ms = max(BURST_MS, duration_ms) + speed * (to_s - from_s) * 1000
            assert carried_ms <= allowed_ms + 0.01


@given(SPEEDS, st.lists(st.floats(1, 500), max_size=60))
def test_sound_sent_as_it_is_captured_never_waits(speed, durations_ms):
    pacer = Pacer()
    now_s = START_S
    for duration_ms in durations_ms:
        assert pacer.wait_s(duration_ms, now_s, speed) == 0
        now_s += duration_ms / 1000 + 1e-9


@given(st.floats(0, 0.1))
def test_live_sound_that_a_busy_moment_held_up_does_not_wait(stall_s):
    pacer = Pacer()
    sent_s = START_S
    for number in range(100):
        captured_s = START_S + number * 0.02
        held_up = 40 <= number < 46
        sent_s = max(sent_s, captured_s + (stall_s if held_up else 0))
        assert pacer.wait_s(20, sent_s, 1.0) == pytest.approx(0, abs=1e-6)


def test_a_speed_that_falls_holds_from_then_on():
    pacer = Pacer()
    now_s = START_S
    for _ in range(50):
        now_s += pacer.wait_s(20, now_s, 2.0)
    slowed_s, sent = now_s, []
    for _ in range(50):
        now_s += pacer.wait_s(20, now_s, 1.0)
        sent.append(now_s - slowed_s)
    assert sent[-1] == pytest.approx(1.0, abs=0.25)
