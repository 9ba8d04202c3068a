"""When a link is taken for dead."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.devices.network.liveness import LinkLiveness, Patience, Verdict
from voiced.devices.network.tcp_info import TcpState

QUIET = TcpState(0, 0.0, 0.0, 0.02, 1000, 0)


def seen(**changes):
    return TcpState(**{name: getattr(QUIET, name) for name in QUIET.__slots__} | changes)


def judged(*looks):
    """Return the verdicts on looks at 0, 0.1, 0.2 s and so on."""
    liveness = LinkLiveness(Patience())
    return [liveness.judge(look, n / 10) for n, look in enumerate(looks)]


def unanswered(n, **changes):
    """Return looks at a link on which nothing has come back since the first."""
    return [seen(n_unacknowledged=3, since_ack_s=k / 10, **changes) for k in range(n)]


def test_a_second_without_an_acknowledgement_is_death():
    verdicts = judged(*unanswered(13))
    assert verdicts[:11] == [Verdict.ALIVE] * 11
    assert verdicts[12] is Verdict.DEAD


def test_the_first_sound_after_a_long_silence_has_its_second_too():
    looks = [seen(n_unacknowledged=1, since_ack_s=60 + k / 10, since_data_s=1) for k in range(12)]
    assert judged(*[seen(since_ack_s=60)] * 5, *looks)[:15] == [Verdict.ALIVE] * 15
    assert judged(*looks)[-1] is Verdict.DEAD


def test_progress_is_life_even_if_something_is_always_underway():
    looks = [
        seen(n_unacknowledged=9, since_ack_s=0.5, acknowledged_bytes=1000 * k) for k in range(50)
    ]
    assert judged(*looks) == [Verdict.ALIVE] * 50


@pytest.mark.parametrize(("rtt_s", "dead_after_s"), [(0.02, 1.0), (0.5, 1.5), (30.0, 3.0)])
def test_a_slow_network_has_longer_but_not_for_ever(rtt_s, dead_after_s):
    verdicts = judged(*unanswered(40, rtt_s=rtt_s))
    assert verdicts.index(Verdict.DEAD) / 10 == pytest.approx(dead_after_s, abs=0.11)


def test_a_silent_peer_is_asked_once_and_given_up_if_it_does_not_answer():
    liveness = LinkLiveness(Patience())
    assert liveness.judge(seen(since_data_s=3.9), 0) is Verdict.ALIVE
    assert liveness.judge(seen(since_data_s=4.1), 0) is Verdict.ASK
    assert liveness.judge(seen(since_data_s=8.0), 0) is Verdict.ASK, "it was never asked"
    liveness.asked()
    assert liveness.judge(seen(since_data_s=6.9), 0) is Verdict.ALIVE
    assert liveness.judge(seen(since_data_s=7.1), 0) is Verdict.DEAD
    assert "silent for 7 s" in liveness.reason


def test_a_peer_that_answered_is_asked_again_after_the_next_silence():
    liveness = LinkLiveness(Patience())
    liveness.judge(seen(since_data_s=4.1), 0)
    liveness.asked()
    assert liveness.judge(seen(since_data_s=0.1), 1) is Verdict.ALIVE
    assert liveness.judge(seen(since_data_s=4.1), 2) is Verdict.ASK


@given(
    st.lists(
        st.builds(
            seen,
            n_unacknowledged=st.integers(0, 3),
            since_ack_s=st.floats(0, 0.9),
            since_data_s=st.floats(0, 3.9),
            acknowledged_bytes=st.integers(0, 10),
        )
    )
)
def test_whoever_answers_within_a_second_lives(looks):
    assert set(judged(*looks)) <= {Verdict.ALIVE}
