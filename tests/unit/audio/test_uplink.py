import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.audio.uplink import LIVE_MS, UplinkQueue
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


@pytest.mark.parametrize("period_ms", [5, 20, 40, 100])
@pytest.mark.parametrize("capacity_ms", [0, 1, 30, 40, 10_000])
@pytest.mark.parametrize("late_periods", [0, 1, 5])
def test_however_little_is_kept_what_is_said_reaches_a_link_that_takes_it(
    capacity_ms, period_ms, late_periods
):
    queue, pcm = UplinkQueue(capacity_ms), bytes(MIC.bytes_in(period_ms))
    for sent in range(1, 101):
        queue.put(pcm, MIC)
        assert queue.take() == (pcm, MIC)
        queue.sent(sent)
        queue.acknowledge(sent - late_periods)
    assert queue.dropped_periods == 0


@pytest.mark.parametrize("capacity_ms", [0, 10, 19.9])
def test_of_less_than_a_period_nothing_outlives_its_link(capacity_ms):
    queue = UplinkQueue(capacity_ms)
    for number in range(3):
        queue.put(period(number), MIC)
        queue.take()
        queue.sent(number + 1)
    queue.put(period(3), MIC)
    queue.rewind()
    assert queue.take() is None
    assert (queue.held_ms, queue.dropped_ms, queue.dropped_periods) == (0, 80, 4)
    assert queue.lead is None


def test_without_a_link_only_the_newest_period_waits_where_nothing_is_kept():
    queue = UplinkQueue(0)
    for number in range(5):
        queue.put(period(number), MIC)
    assert numbers(taken(queue)) == [4]
    assert queue.dropped_periods == 4


def test_while_a_link_takes_it_a_short_jam_loses_nothing():
    queue = UplinkQueue(0)
    queue.put(period(0), MIC)
    queue.take()
    for number in range(1, 50):
        queue.put(period(number), MIC)
    assert queue.dropped_periods == 0
    queue.put(period(50), MIC)
    assert (queue.held_ms, queue.dropped_periods) == (1000, 1)


def test_clearing_forgets_everything_and_counts_nothing():
    queue = UplinkQueue(100)
    queue.put(period(1), MIC)
    queue.keep_newest(0)
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
    n_put = put_ms = n_taken = taken_ms = newest_ms = 0
    for step in steps:
        if step is None:
            chunk = queue.take()
            n_taken += chunk is not None
            taken_ms += chunk[1].duration_ms(len(chunk[0])) if chunk else 0
        else:
            pcm_format = PcmFormat(step[1])
            queue.put(bytes(2 * step[0]), pcm_format)
            n_put += 1
            newest_ms = pcm_format.duration_ms(2 * step[0])
            put_ms += newest_ms
        queue.sent(n_taken)
        queue.acknowledge(n_taken)
        assert queue.queued_ms <= max(capacity_ms, newest_ms)
        assert put_ms == pytest.approx(taken_ms + queue.dropped_ms + queue.queued_ms)
    assert n_put == n_taken + queue.dropped_periods + len(taken(queue))


def fed(count, capacity_ms=1000):
    queue = UplinkQueue(capacity_ms)
    for number in range(count):
        queue.put(period(number), MIC)
    return queue


def numbers(chunks):
    return [int.from_bytes(pcm[:4], "little") for pcm, _ in chunks]


def test_what_was_not_acknowledged_is_taken_again_in_order():
    queue = fed(5)
    for position in (10, 20, 30):
        queue.take()
        queue.sent(position)
    queue.acknowledge(19)
    assert queue.held_ms == 80
    queue.rewind()
    assert queue.lead == (period(0), MIC)
    assert (queue.queued_ms, queue.held_ms) == (80, 80)
    assert numbers(taken(queue)) == [1, 2, 3, 4]


def test_positions_of_a_lost_link_mean_nothing_on_the_next():
    queue = fed(2)
    queue.take()
    queue.sent(1000)
    queue.rewind()
    queue.take()
    queue.acknowledge(2000)
    assert queue.held_ms == 40


def test_chunks_taken_together_are_acknowledged_together():
    queue = fed(3)
    queue.take()
    queue.take()
    queue.sent(50)
    queue.acknowledge(49)
    assert queue.held_ms == 60
    queue.acknowledge(50)
    assert queue.held_ms == 20


def test_the_newest_can_be_kept_alone():
    queue = fed(10)
    queue.take()
    queue.sent(1)
    queue.acknowledge(1)
    queue.keep_newest(70)
    assert queue.held_ms == 60
    assert queue.lead is None
    assert numbers(taken(queue)) == [7, 8, 9]


def test_nothing_leads_after_a_gap():
    queue = fed(4, capacity_ms=60)
    queue.take()
    queue.sent(1)
    queue.acknowledge(1)
    assert queue.lead is not None
    queue.put(period(9), MIC)
    queue.put(period(10), MIC)
    assert queue.lead is None


@given(
    st.sampled_from([0, 60, 200, 100_000]),
    st.lists(st.sampled_from(["put", "take", "sent", "acknowledge", "rewind"]), max_size=200),
)
def test_everything_put_is_delivered_once_in_order_unless_it_was_dropped(capacity_ms, steps):
    """The agent has what was acknowledged; after a rewind the next link starts behind it."""
    queue, count, written, acknowledged = UplinkQueue(capacity_ms), 0, [], 0
    had, on_link = [], []
    for step in [*steps, "rewind"]:
        if step == "put":
            queue.put(period(count), MIC)
            count += 1
        elif step == "take" and (chunk := queue.take()) is not None:
            on_link.append(numbers([chunk])[0])
        elif step == "sent" and on_link:
            written = list(on_link)
            queue.sent(len(written))
        elif step == "acknowledge":
            acknowledged = len(written)
            queue.acknowledge(acknowledged)
        elif step == "rewind":
            queue.rewind()
            had += on_link[:acknowledged]
            on_link, written, acknowledged = [], [], 0
            assert queue.held_ms <= capacity_ms
        assert queue.held_ms <= max(capacity_ms, LIVE_MS)
    had += numbers(taken(queue))
    assert had == sorted(set(had))
    assert len(had) >= count - queue.dropped_periods


def test_counts_stay_exact_over_weeks():
    queue, other = UplinkQueue(10_000), PcmFormat(44_100)
    for step in range(20_000):
        queue.put(bytes(2 * 147), other)
        queue.take()
        queue.sent(step)
        if step % 7 == 0:
            queue.acknowledge(step)
    queue.acknowledge(20_000)
    assert (queue.queued_ms, queue.held_ms) == (0, 0)
