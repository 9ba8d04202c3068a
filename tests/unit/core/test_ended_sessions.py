"""The state machine and an agent that ends its sessions."""

import dataclasses

import pytest

from tests.unit.core.test_conversation import POLICY, after, talking
from tests.unit.core.test_outage import dials, sounds, timers
from voiced.core import actions as act
from voiced.core import events as ev
from voiced.core.actions import Status
from voiced.core.earcons import Earcon
from voiced.core.events import LinkLost, Loss, SessionEnded
from voiced.core.reconnect_delay import pause_before_next
from voiced.core.state import AWAKE, Conversation, Phase, status_of

ALWAYS = ev.Woken("always", unattended=True)
BUTTON = ev.Woken("button")
READY = ev.AgentReady("s")
FULL = SessionEnded("out of quota")


def ends_early(now=None, wake=ALWAYS, times=1):
    """Return what becomes of a conversation whose session ends at once, and the last orders."""
    now, orders = now or Conversation(), []
    for _ in range(times):
        if now.phase is Phase.ASLEEP:
            now, _ = after(now, wake)
        now, orders = after(now, READY, FULL)
    return now, orders


def test_the_first_session_that_ends_early_is_a_short_conversation():
    now, orders = ends_early()
    assert (now.phase, status_of(now)) == (Phase.ASLEEP, Status.ASLEEP)
    assert act.CloseLink() in orders


@pytest.mark.parametrize("wake", [ALWAYS, BUTTON])
def test_one_after_the_other_is_an_outage_that_is_shown_with_its_reason(wake):
    now, orders = ends_early(wake=wake, times=2)
    assert (now.phase, status_of(now)) == (Phase.CONNECTING, Status.OFFLINE)
    assert now.cause == "the agent ended the session: out of quota"
    assert (Earcon.OFFLINE in sounds(orders)) == (wake is BUTTON)
    [dial] = dials(orders)
    assert dial.resume_key is None


def test_the_pauses_grow_from_a_second_to_a_quarter_of_an_hour():
    pauses = [pause_before_next(9, None, LinkLost("", Loss.ENDED), POLICY, n) for n in range(12)]
    assert [pause.most_s for pause in pauses[:4]] == [1, 2, 4, 8]
    assert [pause.most_s for pause in pauses[10:]] == [900, 900]
    assert all(pause.least_s == pytest.approx(0.8 * pause.most_s) for pause in pauses)


def test_a_session_that_holds_ends_the_row():
    now, _ = ends_early(times=5)
    assert now.early_ends == 5
    now, orders = after(now, READY)
    assert timers(orders)["steady"] == POLICY.steady_s
    now, _ = after(now, ev.TimerFired("steady"), FULL)
    assert (now.phase, now.early_ends) == (Phase.ASLEEP, 0)


def test_an_agent_that_answers_a_person_and_parts_soon_has_done_well():
    now, _ = ends_early(wake=BUTTON)
    for _ in range(3):
        now, _ = after(now, BUTTON, READY, ev.ReplyStarted("r1"), FULL)
        assert (now.phase, now.early_ends) == (Phase.ASLEEP, 0)


@pytest.mark.parametrize(
    ("wake", "events", "is_answered"),
    [
        (ALWAYS, (), False),
        (ALWAYS, (ev.ReplyStarted("r1"),), False),
        (ALWAYS, (ev.SpeechStarted(), ev.SpeechStopped()), False),
        (ALWAYS, (ev.SpeechStarted(), ev.SpeechStopped(), ev.ReplyStarted("r1")), True),
        (ALWAYS, (ev.ReplyStarted("r1"), ev.ReplyDone("r1"), ev.ReplyStarted("r2")), True),
        (BUTTON, (), False),
        (BUTTON, (ev.SpeechStarted(), ev.SpeechStopped()), False),
        (BUTTON, (ev.ReplyStarted("r1"),), True),
    ],
)
def test_a_session_proves_itself_sooner_once_somebody_was_answered_in_it(wake, events, is_answered):
    now, orders = after(Conversation(), wake, READY, *events)
    assert now.answered == is_answered
    steady_s = POLICY.answered_steady_s if is_answered else POLICY.steady_s
    assert timers(orders)["steady"] == steady_s
    assert after(now, FULL)[0].early_ends == (not is_answered)
    now, orders = after(now, LinkLost("gone"), READY)
    assert timers(orders)["steady"] == steady_s, "the same session goes on"
    now, orders = after(now, LinkLost("gone", Loss.SESSION_GONE), READY)
    assert timers(orders)["steady"] == POLICY.steady_s
    assert not now.answered


def test_nobody_is_there_to_be_answered_by_an_agent_that_greets_and_parts():
    now, _ = after(Conversation(), ALWAYS, READY, ev.ReplyStarted("r1"), FULL)
    assert now.early_ends == 1


def test_an_end_that_was_asked_for_is_not_early():
    now, _ = ends_early()
    now, _ = after(now, ALWAYS, READY, ev.EndRequested(after_reply=True), FULL)
    assert (now.phase, now.early_ends) == (Phase.ASLEEP, 0)


@pytest.mark.parametrize("key", [None, "s"])
def test_an_end_before_the_session_is_ready_is_a_failure(key):
    now = Conversation(phase=Phase.CONNECTING, resume_key=key)
    now, orders = after(now, SessionEnded())
    assert status_of(now) is Status.OFFLINE
    assert dials(orders) == [act.OpenLink(None, pause_before_next(0, None, _ENDED, POLICY, 1))]
    assert now.cause


_ENDED = LinkLost("", Loss.ENDED)


@pytest.mark.parametrize("loss", [Loss.SESSION_GONE, Loss.BUSY])
def test_a_session_lost_at_once_by_the_agents_doing_counts_as_well(loss):
    lost = LinkLost("gone", loss)
    now, orders = after(Conversation(phase=Phase.CONNECTING), READY, lost, READY, lost)
    assert now.early_ends == 2
    assert dials(orders)[-1].pause.least_s > 0
    assert status_of(now) is Status.OFFLINE
    now, orders = after(now, READY, ev.TimerFired("steady"), LinkLost("x", Loss.SESSION_GONE))
    assert dials(orders)[-1].pause == act.AT_ONCE


def test_a_network_that_breaks_is_not_the_agents_doing():
    broken = LinkLost("gone")
    now, _ = after(Conversation(phase=Phase.CONNECTING), READY, broken, READY, broken)
    assert now.early_ends == 0


@pytest.mark.parametrize("reaches_ready", [True, False])
def test_a_link_that_breaks_at_once_each_time_is_more_than_a_bad_network(reaches_ready):
    now, pauses = Conversation(phase=Phase.CONNECTING), []
    for _ in range(14):
        broken = (READY,) if reaches_ready else ()
        now, orders = after(now, *broken, LinkLost("1011", reached=True))
        pauses.append(dials(orders)[-1].pause)
    assert status_of(now) is Status.OFFLINE
    assert now.cause == "1011"
    assert [pause.most_s for pause in pauses[3:]] == [*(4 * 2**n for n in range(8)), 900, 900, 900]
    assert dials(orders)[-1].resume_key is None
    hurried = [
        order for order in after(now, ev.NetworkBack())[1] if isinstance(order, act.HurryLink)
    ]
    assert hurried, "the network may yet be at fault"


def test_a_network_that_cannot_be_reached_is_not_the_agents_doing():
    now = Conversation(phase=Phase.CONNECTING)
    now, _ = after(now, *[LinkLost("no route")] * 9)
    assert now.early_ends == 0
    now, _ = after(now, READY, ev.TimerFired("steady"))
    now, orders = after(now, LinkLost("gone"))
    assert dials(orders) == [act.OpenLink("s", act.AT_ONCE, greet=False)]


@pytest.mark.parametrize("phase", AWAKE)
def test_what_was_said_last_is_heard_out(phase):
    now = dataclasses.replace(talking(), phase=phase)
    for early_ends in (0, 1):
        one = dataclasses.replace(now, early_ends=early_ends, young=True)
        assert act.FinishReply("r1") in after(one, FULL)[1]
