import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.audio.uplink import UplinkQueue
from voiced.core.pcm import PcmFormat

MIC = PcmFormat(16_000)
PERIOD_MS = 20.0


def period(number):
    return number.to_bytes(4, "little") * 160


def taken(queue):
    chunks = []
    while (chunk := queue.take()) is not None:
        chunks.append(chunk)
    return chunks


def test_periods_leave_in_the_order_they_came_each_with_its_own_format():
    queue = UplinkQueue(100)
    other = PcmFormat(44_100)
    queue.put(period(1), MIC)
    queue.put(bytes(1764), other)
    assert queue.queued_ms == 40
    assert taken(queue) == [(period(1), MIC), (bytes(1764), other)]
    assert queue.queued_ms == 0
    assert queue.take() is None


def test_the_oldest_sound_is_dropped_and_counted_when_there_is_no_room():
    queue = UplinkQueue(100)
    for number in range(8):
        queue.put(period(number), MIC)
    assert (queue.queued_ms, queue.dropped_ms, queue.dropped_periods) == (100, 60, 3)
    assert taken(queue) == [(period(number), MIC) for number in range(3, 8)]


def test_a_period_longer_than_the_queue_is_not_kept():
    queue = UplinkQueue(10)
    queue.put(period(1), MIC)
    assert (queue.queued_ms, queue.dropped_ms, queue.dropped_periods) == (0, 20, 1)


def test_clearing_forgets_everything_and_counts_nothing():
    queue = UplinkQueue(100)
    queue.put(period(1), MIC)
    queue.clear()
    assert queue.take() is None
    assert (queue.queued_ms, queue.dropped_ms, queue.dropped_periods) == (0, 0, 0)


@given(
    capacity_ms=st.floats(0, 200),
    steps=st.lists(
        st.one_of(
            st.none(), st.tuples(st.integers(1, 2000), st.sampled_from([8000, 44_100, 48_000]))
        )
    ),
)
def test_every_period_is_taken_or_dropped_and_the_queue_never_exceeds_its_capacity(
    capacity_ms, steps
):
    queue = UplinkQueue(capacity_ms)
    n_put = put_ms = n_taken = taken_ms = 0
    for step in steps:
        if step is None:
            chunk = queue.take()
            n_taken += chunk is not None
            taken_ms += chunk[1].duration_ms(len(chunk[0])) if chunk else 0
        else:
            pcm_format = PcmFormat(step[1])
            queue.put(bytes(2 * step[0]), pcm_format)
            n_put += 1
            put_ms += pcm_format.duration_ms(2 * step[0])
        assert queue.queued_ms <= capacity_ms
        assert put_ms == pytest.approx(taken_ms + queue.dropped_ms + queue.queued_ms)
    assert n_put == n_taken + queue.dropped_periods + len(taken(queue))
