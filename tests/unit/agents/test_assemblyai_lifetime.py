"""How long a session will live, by the agent's own clock."""

import pytest

from tests.unit.agents.assemblyai_link import AgentLink, events, notices
from voiced.core.events import AgentReady, SessionEnded
from voiced.errors import LinkError, LinkRejected


@pytest.mark.parametrize(
    ("expires_at", "timestamp", "lifetime_s"),
    [
        (4600, 1000.0, 3600.0),
        (4600.5, 1000, 3600.5),
        (1_700_003_600, "2023-11-14T22:13:20+00:00", 3600.0),
        (None, 1000.0, None),
        (4600, None, None),
    ],
)
def test_a_session_says_how_long_it_will_live(expires_at, timestamp, lifetime_s):
    fields = {"session_id": "s", "expires_at": expires_at, "timestamp": timestamp}
    (event,) = events(AgentLink().hear("session.ready", **fields))
    assert event == AgentReady("s", lifetime_s)


@pytest.mark.parametrize(
    ("expires_at", "timestamp"),
    [
        pytest.param(10**400, 1000, id="too large"),
        pytest.param(2000, -(10**400), id="too small"),
        (1e300, 1000),
        (1000, 1000.0),
        (10, 1000.0),
        ("soon", 1000.0),
        (True, 0.5),
        (4600, "tomorrow"),
        (4600, [1000]),
    ],
)
def test_a_lifetime_that_makes_no_sense_is_noted_and_left_out(expires_at, timestamp):
    fields = {"session_id": "s", "expires_at": expires_at, "timestamp": timestamp}
    items = AgentLink().hear("session.ready", **fields)
    assert events(items) == [AgentReady("s", None)]
    assert any("expires_at" in notice.text for notice in notices(items))


@pytest.mark.parametrize(
    ("lived_s", "reason", "is_normal"),
    [
        (10.0, "", False),
        (10.0, "session_expired", True),
        (10.0, "SESSION_EXPIRED", True),
        (3539.0, "", False),
        (3541.0, "", True),
        (4000.0, "policy", True),
    ],
)
def test_a_session_that_is_closed_for_its_age_has_ended_normally(lived_s, reason, is_normal):
    link = AgentLink()
    link.ready(expires_at=4600, timestamp=1000.0)
    link.now_s += lived_s
    link.hear("input.speech.started")
    if is_normal:
        assert link.codec.closed(1008, reason) == SessionEnded(
            "the session reached its longest duration"
        )
    else:
        with pytest.raises(LinkRejected):
            link.codec.closed(1008, reason)


def test_before_it_was_ready_and_after_another_error_it_is_no_age():
    with pytest.raises(LinkRejected):
        AgentLink().codec.closed(1008, "session_expired")
    link = AgentLink()
    link.ready(expires_at=4600, timestamp=1000.0)
    link.now_s += 4000
    link.hear("session.error", code="server_error")
    with pytest.raises(LinkError):
        link.codec.closed(1008, "")
