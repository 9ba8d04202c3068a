import random

from hypothesis import given
from hypothesis import strategies as st

from voiced.audio.start_threshold import CEILING_MS, FLOOR_MS, REPLIES_REMEMBERED, StartThreshold

CHUNK_MS = 20
START_S = 1000.0


def hear(threshold, delays_ms, speed=1.0):
    """Deliver a reply of 20 ms chunks, each delayed by the network, order kept."""
    threshold.begin()
    arrival_ms = 0.0
    for number, delay_ms in enumerate(delays_ms):
        arrival_ms = max(arrival_ms, number * CHUNK_MS / speed + delay_ms)
        threshold.observe(CHUNK_MS, START_S + arrival_ms / 1000)


def learned(delays_ms, speed=1.0):
    threshold = StartThreshold()
    for _ in range(REPLIES_REMEMBERED):
        hear(threshold, delays_ms, speed)
    return round(threshold.ms, 3)


def test_an_unknown_network_may_have_200_ms_of_jitter():
    assert StartThreshold().ms == 220


def test_a_steady_network_comes_down_to_the_floor():
    assert learned([0] * 100) == FLOOR_MS


def test_the_worst_of_the_last_replies_decides_with_a_margin():
    assert learned([0] * 10 + [80] + [0] * 10) == 80 * 1.25 + 20


def test_a_late_first_chunk_does_not_hide_the_jitter_after_it():
    assert learned([100] + [0] * 10 + [100] + [0] * 10) == 100 * 1.25 + 20


def test_a_reply_faster_than_real_time_needs_only_what_its_worst_moment_needs():
    assert learned([0] * 100, speed=4) == FLOOR_MS
    assert learned([0] * 8 + [160] + [0] * 40, speed=4) < 160 * 1.25 + 20


def test_the_threshold_never_exceeds_the_ceiling():
    assert learned([0] * 10 + [390] + [0] * 10) == CEILING_MS


def test_a_pause_of_the_agent_teaches_nothing():
    assert learned([0] * 10 + [3000] * 10) == FLOOR_MS


def test_jitter_after_a_pause_of_the_agent_is_learned():
    assert learned([0] * 10 + [3000] * 10 + [3100] + [3000] * 10) == 100 * 1.25 + 20


def test_a_bad_reply_counts_at_once_and_is_forgotten_in_time():
    threshold = StartThreshold()
    for _ in range(REPLIES_REMEMBERED):
        hear(threshold, [0] * 20)
    hear(threshold, [0] * 10 + [200])
    worst_ms = threshold.ms
    for _ in range(REPLIES_REMEMBERED - 1):
        hear(threshold, [0] * 20)
    assert threshold.ms == worst_ms == 270
    hear(threshold, [0] * 20)
    assert threshold.ms == FLOOR_MS


def test_a_reply_without_sound_teaches_nothing():
    threshold = StartThreshold()
    for _ in range(REPLIES_REMEMBERED):
        threshold.begin()
    assert threshold.ms == 220


@given(st.integers(0, 2**32), st.integers(0, 200))
def test_what_is_learned_on_a_network_fits_its_jitter(seed, jitter_ms):
    rng = random.Random(seed)
    threshold = StartThreshold()
    for _ in range(REPLIES_REMEMBERED):
        hear(threshold, [rng.uniform(0, jitter_ms) for _ in range(100)])
    lowest_ms = max(FLOOR_MS, jitter_ms * 0.75)
    assert lowest_ms <= threshold.ms <= max(FLOOR_MS, jitter_ms * 1.25 + 20.001)


@given(st.lists(st.tuples(st.floats(1, 200), st.floats(0, 10)), max_size=50))
def test_the_threshold_stays_between_floor_and_ceiling_whatever_arrives(chunks):
    threshold = StartThreshold()
    now_s = START_S
    for duration_ms, gap_s in chunks:
        now_s += gap_s
        threshold.observe(duration_ms, now_s)
        assert FLOOR_MS <= threshold.ms <= CEILING_MS
